// SPDX-License-Identifier: GPL-3.0-or-later
#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <malloc.h>

#include <QTest>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <new>

#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

/// A step allocates nothing once the run has seen its largest batch. The allocator of this program
/// counts, on every thread, C's functions as well as operator new (which comes down to them), and
/// in the libraries too: what oneDNN allocates inside a step is the step's.
///
/// What is left is in the model's passes, and has a bound here; whoever removes it lowers the
/// bound: a convolution forms a witness's gradient in a vector of its own.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CLIPSCOPE_COUNTS_ALLOCATIONS 0  // sanitizers bring an allocator of their own
#else
#define CLIPSCOPE_COUNTS_ALLOCATIONS 1
#endif

namespace {

constexpr int mostTraces = 4000, traceDepth = 14;

std::atomic<bool> counting{false};
std::atomic<long> allocations{0};
std::atomic<int> traced{0};
void* traces[mostTraces][traceDepth];
int depths[mostTraces];

void count() {
  if (!counting.load(std::memory_order_relaxed)) return;
  ++allocations;
  thread_local bool inside = false;
  if (inside) return;  // backtrace() may allocate
  inside = true;
  if (const int k = traced++; k < mostTraces) depths[k] = backtrace(traces[k], traceDepth);
  inside = false;
}

/// The function that an address lies in, or its library.
QString placeOf(const void* address) {
  Dl_info info{};
  if (dladdr(address, &info) == 0) return QStringLiteral("?");
  if (!info.dli_sname) return QString::fromUtf8(info.dli_fname).section('/', -1);
  int status = 0;
  char* plain = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
  const QString name = QString::fromUtf8(plain ? plain : info.dli_sname).section('(', 0, 0);
  std::free(plain);
  return name;
}

/// Where the allocations came from: those inside the model's passes and oneDNN, and the others.
struct Origins {
  int inModel = 0;
  std::map<QString, int> others;

  Origins() {
    for (int k = 0; k < std::min(traced.load(), mostTraces); ++k) {
      QStringList places;
      bool model = false;
      for (int d = 2; d < depths[k]; ++d) {
        places << placeOf(traces[k][d]);
        model = model || places.last().startsWith(QStringLiteral("clipscope::Model::")) ||
                places.last().startsWith(QStringLiteral("libdnnl")) ||
                places.last().startsWith(QStringLiteral("dnnl"));
      }
      if (model)
        ++inModel;
      else
        ++others[places.join(QStringLiteral(" < "))];
    }
  }
  QString text() const {
    QString text;
    for (const auto& [place, times] : others)
      text += QStringLiteral("\n  %1 × %2").arg(times).arg(place.left(300));
    return text;
  }
};

}  // namespace

#if CLIPSCOPE_COUNTS_ALLOCATIONS
// glibc's own functions under their other names; free() stays what it is.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* old, std::size_t size) {
  count();
  return __libc_realloc(old, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  count();
  *out = __libc_memalign(alignment, size);
  return *out ? 0 : ENOMEM;
}
}
#endif

using namespace clipscope;

class TestNoAllocation : public QObject {
  Q_OBJECT

 private slots:
  void theCounterCounts();
  void aStepAllocatesNothing_data();
  void aStepAllocatesNothing();
};

void TestNoAllocation::theCounterCounts() {
#if !CLIPSCOPE_COUNTS_ALLOCATIONS
  QSKIP("a sanitizer's allocator is in place");
#endif
  void* first[4];
  backtrace(first, 4);  // loads what it needs
  allocations = 0;
  counting = true;
  auto* some = new std::vector<int>(100);
  void* aligned = std::aligned_alloc(64, 640);
  counting = false;
  std::free(aligned);
  QCOMPARE(some->size(), std::size_t{100});
  delete some;
  QCOMPARE(allocations.load(), 3L);
}

void TestNoAllocation::aStepAllocatesNothing_data() {
  QTest::addColumn<QString>("preset");
  QTest::addColumn<QString>("change");
  QTest::addColumn<int>("modelBound");
  for (const char* change : {"", "unclipped sum", "groups", "adaptive"}) {
    const QString name = QString::fromUtf8(change);
    // 3, with oneDNN 2.6 and two threads.
    QTest::addRow("mlp %s", change) << QStringLiteral("mlp") << name << 0;
    QTest::addRow("mnist-cnn %s", change) << QStringLiteral("mnist-cnn") << name << 3;
  }
}

void TestNoAllocation::aStepAllocatesNothing() {
#if !CLIPSCOPE_COUNTS_ALLOCATIONS
  QSKIP("a sanitizer's allocator is in place");
#endif
  QFETCH(QString, preset);
  QFETCH(QString, change);
  Experiment e;
  e.model.preset = preset.toStdString();
  e.data.digits.count = 40;
  e.data.testShare = 0;
  e.run.threads = 2;
  e.sampling.sampleRate = 1;  // every batch is the largest
  e.run.unclippedSum = change == QStringLiteral("unclipped sum");
  if (change == QStringLiteral("groups")) {
    e.clipping.grouping = GroupingKind::PerLayer;
    e.clipping.thresholds = ThresholdRule::Median;
  }
  e.clipping.adaptive.enabled = change == QStringLiteral("adaptive");
  Trainer trainer(e, loadDataset(e.data));
  auto held = trainer.finishStep();
  for (int k = 0; k < 4; ++k) held = trainer.finishStep();
  void* warm[4];
  backtrace(warm, 4);  // loads what it needs

  allocations = 0;
  traced = 0;
  counting = true;
  // Handed over and released, as a headless run does.
  held = trainer.finishStep();
  held.reset();
  counting = false;
  const Origins origins;
  QVERIFY(traced <= mostTraces);
  QVERIFY2(origins.others.empty(), qPrintable(origins.text()));
  QFETCH(int, modelBound);
  QVERIFY2(origins.inModel <= modelBound,
           qPrintable(QStringLiteral("%1 allocations in the model").arg(origins.inModel)));
}

QTEST_APPLESS_MAIN(TestNoAllocation)
#include "test_no_allocation.moc"
