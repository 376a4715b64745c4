// SPDX-License-Identifier: GPL-2.0

import CShim
import LifeCycle
import TestSupport
import Testing

/// The fragments in devmem's control messages, in bytes as `put_cmsg_notrunc()` writes them.
struct FragmentTests {
    private func control(_ type: Int32, level: Int32 = 1, _ payload: [UInt8], length: UInt64? = nil) -> [UInt8] {
        let bytes = littleEndian(length ?? UInt64(16 + payload.count)) + littleEndian(level) + littleEndian(type) + payload
        return bytes + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
    }

    private func fragment(_ offset: UInt64, _ size: UInt32, _ token: UInt32, _ dmabuf: UInt32) -> [UInt8] {
        littleEndian(offset) + littleEndian(size) + littleEndian(token) + littleEndian(dmabuf) + littleEndian(UInt32(0))
    }

    private func walk(_ bytes: [UInt8], capacity: Int = 8) -> (count: Int, malformed: Bool, fragments: [ppiov_fragment]) {
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: bytes.count + 1, alignment: 8)
        defer { buffer.deallocate() }
        (buffer + 1).copyMemory(from: bytes, byteCount: bytes.count)
        var fragments = [ppiov_fragment](repeating: ppiov_fragment(), count: capacity)
        var malformed = false
        let count = ppiov_walk_fragments(buffer + 1, bytes.count, &fragments, capacity, &malformed)
        return (count, malformed, [ppiov_fragment](fragments.prefix(count)))
    }

    @Test func fragments() {
        let (count, malformed, fragments) = walk(
            control(78, fragment(0, 40, 0, 0)) + control(29, [UInt8](repeating: 0, count: 16))
                + control(79, fragment(8192, 1448, 17, 9)))
        #expect(count == 2 && !malformed)
        #expect(fragments[0].linear && fragments[0].size == 40)
        #expect(!fragments[1].linear && fragments[1].offset == 8192 && fragments[1].size == 1448)
        #expect(fragments[1].token == 17 && fragments[1].dmabuf_id == 9)
    }

    @Test func moreThanTheCapacity() {
        let all = (UInt32(0)..<5).flatMap { control(79, fragment(0, 1, $0, 9)) }
        let (count, malformed, fragments) = walk(all, capacity: 2)
        #expect(count == 5 && !malformed && fragments.map(\.token) == [0, 1])
    }

    @Test func wrongSizes() {
        #expect(walk(control(79, [1, 2, 3])).malformed)
        #expect(walk(control(79, fragment(0, 1, 1, 9), length: 8)).malformed)
        #expect(walk(control(79, fragment(0, 1, 1, 9), length: 41)).malformed)
        #expect(walk(control(79, fragment(0, 1, 1, 9), length: .max)).malformed)
        #expect(walk([]).count == 0)
    }

    @Test func malformed() {
        let good = control(78, fragment(0, 40, 0, 0)) + control(79, fragment(8192, 1448, 17, 9))
        for length in 0...good.count { _ = walk([UInt8](good.prefix(length))) }
        for place in good.indices {
            for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
                var bytes = good
                bytes[place] = value
                #expect(walk(bytes).count <= 2)
            }
        }
        var random = SeededGenerator(seed: 99)
        for _ in 0..<3000 {
            _ = walk((0..<Int.random(in: 0...120, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
    }
}
