// SPDX-License-Identifier: GPL-2.0

extension [Int] {
    /// Of a sorted array, the index of the first element that is not below a number; nil where all are.
    func firstIndex(from number: Int) -> Int? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low < count ? low : nil
    }
}
