// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/worker/example_view.h"

#include <algorithm>

namespace clipscope {

std::shared_ptr<const ExampleView> viewExample(const BatchProbe& probe, const StepRecord& record,
                                               Index example) {
  const std::vector<Index>& drawn = record.sample->examples;
  const auto found = std::lower_bound(drawn.begin(), drawn.end(), example);
  if (found == drawn.end() || *found != example) return nullptr;
  const auto row = static_cast<Index>(found - drawn.begin());
  BatchProbe::Look look = probe.look(row);
  std::vector<double> norms;
  for (const ParameterId id : look.gradient.table().trainable())
    norms.push_back(look.gradient.norm(id));
  return std::make_shared<ExampleView>(ExampleView{example, row, record.step, record.sample,
                                                   std::move(look.gradient), std::move(norms),
                                                   std::move(look.output)});
}

}  // namespace clipscope
