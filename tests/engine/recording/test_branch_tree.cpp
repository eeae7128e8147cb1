// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "engine/error.h"
#include "engine/recording/branch_tree.h"

using namespace clipscope;

namespace {

std::shared_ptr<const Experiment> withC(double c) {
  Experiment e;
  e.clipping.maxGradNorm = c;
  return std::make_shared<Experiment>(e);
}

/// main has 10 steps; 1 leaves it after 4 and has 8; 2 leaves 1 after 6 and has 9; 3 leaves main
/// after 4 as well and has none of its own.
BranchTree family() {
  BranchTree tree(withC(1));
  tree.at(0).steps = 10;
  tree.add(0, 4, withC(2), "first");
  tree.at(1).steps = 8;
  tree.at(1).settings.emplace(7, withC(2.5));
  tree.add(1, 6, withC(3));
  tree.at(2).steps = 9;
  tree.add(0, 4, withC(4));
  return tree;
}

double cOf(const BranchTree& tree, int branch, Index step) {
  return tree.settingsOf(branch, step)->clipping.maxGradNorm;
}

}  // namespace

class TestBranchTree : public QObject {
  Q_OBJECT

 private slots:
  void aStepHasAnOwner();
  void aStepHasSettings();
  void whatTwoBranchesShare();
  void aForkInTheSharedPartLeavesTheParent();
  void numbersAreNeverUsedAgain();
  void aFileIsBelievedOnlyAsATree_data();
  void aFileIsBelievedOnlyAsATree();
  void aFileIsBelieved();
};

void TestBranchTree::aStepHasAnOwner() {
  const BranchTree tree = family();
  QCOMPARE(tree.ownerOf(0, 10), 0);
  QCOMPARE(tree.ownerOf(1, 4), 0);
  QCOMPARE(tree.ownerOf(1, 5), 1);
  QCOMPARE(tree.ownerOf(2, 7), 2);
  QCOMPARE(tree.ownerOf(2, 6), 1);
  QCOMPARE(tree.ownerOf(2, 1), 0);
  QCOMPARE(tree.ownerOf(3, 4), 0);
  QCOMPARE(tree.ownerOf(3, 5), 3);
  QVERIFY((tree.pathTo(2) == std::vector{0, 1, 2}));
  QCOMPARE(tree.at(2).name, "branch 2");
  QCOMPARE(tree.at(3).steps, Index{4});
}

void TestBranchTree::aStepHasSettings() {
  const BranchTree tree = family();
  QCOMPARE(cOf(tree, 0, 1), 1.0);
  QCOMPARE(cOf(tree, 0, 10), 1.0);
  QCOMPARE(cOf(tree, 1, 4), 1.0);
  QCOMPARE(cOf(tree, 1, 5), 2.0);
  QCOMPARE(cOf(tree, 1, 6), 2.0);
  QCOMPARE(cOf(tree, 1, 7), 2.5);
  QCOMPARE(cOf(tree, 2, 6), 2.0);
  QCOMPARE(cOf(tree, 2, 7), 3.0);
  QCOMPARE(cOf(tree, 3, 5), 4.0);
}

void TestBranchTree::whatTwoBranchesShare() {
  const BranchTree tree = family();
  QCOMPARE(tree.shared(0, 0), Index{10});
  QCOMPARE(tree.shared(0, 1), Index{4});
  QCOMPARE(tree.shared(1, 0), Index{4});
  QCOMPARE(tree.shared(1, 2), Index{6});
  QCOMPARE(tree.shared(0, 2), Index{4});
  QCOMPARE(tree.shared(2, 3), Index{4});
  QCOMPARE(tree.shared(1, 3), Index{4});
}

void TestBranchTree::aForkInTheSharedPartLeavesTheParent() {
  BranchTree tree = family();
  const int made = tree.add(2, 5, withC(5));
  QCOMPARE(tree.at(made).parent, 1);
  QCOMPARE(tree.at(made).fork, Index{5});
  const int older = tree.add(2, 2, withC(6));
  QCOMPARE(tree.at(older).parent, 0);
  // At the very step that a branch begins with, it is still the branch's.
  QCOMPARE(tree.at(tree.add(2, 6, withC(7))).parent, 2);
}

void TestBranchTree::numbersAreNeverUsedAgain() {
  BranchTree tree = family();
  QVERIFY((tree.withDescendants(1) == std::vector{1, 2}));
  tree.prune(1);
  QVERIFY(!tree.contains(1));
  QVERIFY(!tree.contains(2));
  QVERIFY(tree.contains(3));
  QCOMPARE(tree.branches().size(), std::size_t{2});
  tree.prune(3);
  QCOMPARE(tree.add(0, 1, withC(1)), 4);
}

void TestBranchTree::aFileIsBelievedOnlyAsATree_data() {
  QTest::addColumn<int>("kind");
  QTest::newRow("no branches") << 0;
  QTest::newRow("no root") << 1;
  QTest::newRow("a root with a parent") << 2;
  QTest::newRow("no such parent") << 3;
  QTest::newRow("its own parent") << 4;
  QTest::newRow("a circle") << 5;
  QTest::newRow("leaves before its parent does") << 6;
  QTest::newRow("leaves behind its parent's end") << 7;
  QTest::newRow("ends before it begins") << 8;
  QTest::newRow("no settings") << 9;
  QTest::newRow("settings from later on") << 10;
  QTest::newRow("twice") << 11;
}

void TestBranchTree::aFileIsBelievedOnlyAsATree() {
  QFETCH(int, kind);
  std::vector<Branch> b = family().branches();
  switch (kind) {
    case 0:
      b.clear();
      break;
    case 1:
      b.erase(b.begin());
      break;
    case 2:
      b[0].parent = 0;
      break;
    case 3:
      b[3].parent = 9;
      break;
    case 4:
      b[3].parent = 3;
      break;
    case 5:
      b[1].parent = 2;
      break;
    case 6:
      b[2].fork = 3;
      b[2].settings = {{4, withC(3)}};
      break;
    case 7:
      b[2].fork = 9;
      b[2].settings = {{10, withC(3)}};
      break;
    case 8:
      b[2].steps = 5;
      break;
    case 9:
      b[1].settings.clear();
      break;
    case 10:
      b[1].settings = {{6, withC(2)}};
      break;
    case 11:
      b.push_back(b[2]);
      break;
  }
  QVERIFY_THROWS_EXCEPTION(FileError, BranchTree(std::move(b)));
}

void TestBranchTree::aFileIsBelieved() {
  std::vector<Branch> branches = family().branches();
  std::swap(branches[0], branches[3]);
  BranchTree tree(std::move(branches));
  QCOMPARE(tree.branches().front().number, 0);
  QCOMPARE(tree.ownerOf(2, 6), 1);
  QCOMPARE(tree.add(0, 3, withC(1)), 4);
}

QTEST_APPLESS_MAIN(TestBranchTree)
#include "test_branch_tree.moc"
