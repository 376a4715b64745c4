// SPDX-License-Identifier: GPL-2.0

import ForeignReaders
import Glibc

/// The reader that the environment variable PPIOV_READER names.
private let reader: ForeignReader = {
    let name = getenv("PPIOV_READER").map { String(cString: $0) } ?? ""
    if let reader = ForeignReader(rawValue: name) { return reader }
    print("PPIOV_READER is \"\(name)\"; it is one of: \(ForeignReader.allCases.map(\.rawValue).joined(separator: ", "))")
    exit(2)
}()

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    if let fault = reader.examine([UInt8](UnsafeBufferPointer(start: start, count: count))) {
        print("\(reader.rawValue): \(fault)")
        abort()
    }
    return 0
}
