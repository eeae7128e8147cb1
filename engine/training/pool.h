// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <memory>
#include <vector>

namespace clipscope {

/// Hands out objects that are filled once and then shared as immutable. An object that nobody holds
/// any more is handed out again with its memory, so that a run allocates nothing after its largest
/// batch. Only the owner of the pool takes from it; others may drop what they hold from any thread.
template <class T>
class Pool {
 public:
  template <class Make>
  std::shared_ptr<T> take(Make&& make) {
    for (const std::shared_ptr<T>& object : m_objects)
      if (object.use_count() == 1) {
        // Pairs with the release in the last other owner's decrement.
        std::atomic_thread_fence(std::memory_order_acquire);
        return object;
      }
    m_objects.push_back(make());
    return m_objects.back();
  }
  std::shared_ptr<T> take() {
    return take([] { return std::make_shared<T>(); });
  }

 private:
  std::vector<std::shared_ptr<T>> m_objects;
};

}  // namespace clipscope
