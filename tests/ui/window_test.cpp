// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/ui/window_test.h"
#include "tests/ui/what_if_test.h"

// Their meta-objects are compiled here once for all tests.
#include "moc_what_if_test.cpp"
#include "moc_window_test.cpp"
