// SPDX-License-Identifier: GPL-2.0

import LifeCycle
import TraceForms

/// Called by libFuzzer: the first byte selects the reader, the others are the file.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let bytes = [UInt8](UnsafeBufferPointer(start: start + 1, count: count - 1))
    let ledger = PoolLedger(begin: .noPools, end: .allPools)
    switch start[0] % 4 {
    case 0: _ = try? TraceForm.text(TextForm()).examine(bytes, ledger)
    case 1: _ = try? TraceForm.dat(DatWriter()).examine(bytes, ledger)
    case 2: _ = try? TraceForm.pages.examine(bytes, ledger)
    default:
        // The text of a format: whatever offsets it has, the pages are read with them or it is refused.
        var formats = Texts.marked
        let name = TraceDecoder.formatNames[Int(start[0] / 4) % TraceDecoder.formatNames.count]
        formats[name] = String(decoding: bytes, as: UTF8.self)
        guard let decoder = try? TraceDecoder(formats: formats) else { return 0 }
        let pages = Recording.pages(Recording.events(1, marks: true)).mapValues { ByteSource($0) }
        _ = try? ledger.examine(.pages(pages, decoder))
    }
    return 0
}
