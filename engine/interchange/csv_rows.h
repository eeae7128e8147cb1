// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "engine/training/step_record.h"
#include "engine/training/step_summary.h"

namespace clipscope {

/// The tables of a run as CSV text: one header and rows for one step each. Numbers read back as the
/// same values; a cell is empty where a number has no meaning (the clipped fraction of an automatic
/// rule, the accuracy of a step that was not evaluated, quantiles of an empty batch). The window's
/// tables, its exports and the headless run all write through these.

std::string_view stepsHeader();
std::string_view examplesHeader();
std::string_view layersHeader();
std::string_view exampleLayersHeader();

/// A record must be complete (Phase::Account) for stepsRow, and have Phase::Clip (and Phase::Noise
/// for layersRows' noise cells, else empty) for the others.
void appendStepsRow(std::string& text, const StepRecord& record);
/// Of a step whose record is gone; its columns have the names that they have in stepsHeader().
std::string_view summariesHeader();
void appendSummaryRow(std::string& text, const StepSummary& summary);
void appendExampleRows(std::string& text, const StepRecord& record);
void appendLayerRows(std::string& text, const StepRecord& record);
void appendExampleLayerRows(std::string& text, const StepRecord& record);

/// A cell of text, quoted where RFC 4180 wants it.
void appendText(std::string& text, std::string_view cell);

}  // namespace clipscope
