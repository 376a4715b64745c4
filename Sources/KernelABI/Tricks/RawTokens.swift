// SPDX-License-Identifier: GPL-2.0

internal import CShim

extension DeviceMemory {
    /// Returns fragments (`SO_DEVMEM_DONTNEED`) with any bytes as the tokens.
    ///
    /// - Parameter address: where the option's value is, in place of `bytes`; it need not be mapped.
    public static func dontNeed(raw bytes: [UInt8], at address: UInt? = nil, of socket: CInt) throws(KernelError) -> Int {
        let operation = "returning \(bytes.count) bytes of tokens of socket \(socket)"
        if let address {
            return Int(try check(ppiov_dontneed_raw(socket, UnsafeRawPointer(bitPattern: address), bytes.count), operation))
        }
        return Int(try check(ppiov_dontneed_raw(socket, bytes, bytes.count), operation))
    }
}
