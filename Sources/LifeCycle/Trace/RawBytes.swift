// SPDX-License-Identifier: GPL-2.0

/// The caller has checked that the bytes exist. Guests are little-endian, as hosts are.
@inline(__always)
func load<T: FixedWidthInteger & BitwiseCopyable>(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ type: T.Type) -> T {
    T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
}

extension [UInt8] {
    /// `withUnsafeBytes` with typed throws.
    @inline(__always)
    func withRawBytes<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try withUnsafeBufferPointer { (buffer) throws(Failure) -> Value in try body(UnsafeRawBufferPointer(buffer)) }
    }
}
