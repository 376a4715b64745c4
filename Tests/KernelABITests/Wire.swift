// SPDX-License-Identifier: GPL-2.0

import CShim
import TestSupport

/// An attribute, padded to 4 bytes.
func attribute(_ type: UInt16, _ payload: [UInt8]) -> [UInt8] {
    let bytes = littleEndian(UInt16(payload.count + 4)) + littleEndian(type) + payload
    return bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
}

func attribute<I: FixedWidthInteger>(_ type: UInt16, _ value: I) -> [UInt8] {
    attribute(type, littleEndian(value))
}

func nest(_ type: UInt16, _ parts: [UInt8]...) -> [UInt8] {
    attribute(type | 0x8000, parts.flatMap { $0 })
}

/// A netlink message with its header.
func message(_ type: UInt16, flags: UInt16 = 0, seq: UInt32 = 1, port: UInt32 = 0x1234, _ payload: [UInt8]...) -> [UInt8] {
    let body = payload.flatMap { $0 }
    return littleEndian(UInt32(16 + body.count)) + littleEndian(type) + littleEndian(flags) + littleEndian(seq) + littleEndian(port) + body
}

/// A generic netlink message of family 0x1c.
func generic(_ command: UInt8, _ attributes: [UInt8]...) -> [UInt8] {
    message(0x1c, [command, 1, 0, 0] + attributes.flatMap { $0 })
}

/// Runs one of the shim's builders.
func built(size: Int = 256, _ build: (UnsafeMutableRawPointer, Int) -> CInt) -> (result: CInt, bytes: [UInt8]) {
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: size + 16, alignment: 8)
    defer { buffer.deallocate() }
    buffer.initializeMemory(as: UInt8.self, repeating: 0xa5, count: size + 16)
    let result = build(buffer, size)
    let all = [UInt8](UnsafeRawBufferPointer(start: buffer, count: size + 16))
    precondition(all[size...].allSatisfy { $0 == 0xa5 }, "a builder wrote after the end of its buffer")
    return (result, result > 0 ? [UInt8](all[..<Int(result)]) : [])
}

/// Runs one of the shim's parsers on bytes at an odd address, at the end of their allocation.
func parsed<Raw>(
    _ bytes: [UInt8], _ empty: Raw, _ parse: (UnsafeRawPointer?, Int, UnsafeMutablePointer<Raw>?) -> CInt
) -> (result: CInt, value: Raw) {
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: bytes.count + 1, alignment: 8)
    defer { buffer.deallocate() }
    (buffer + 1).copyMemory(from: bytes, byteCount: bytes.count)
    var value = empty
    return (parse(buffer + 1, bytes.count, &value), value)
}
