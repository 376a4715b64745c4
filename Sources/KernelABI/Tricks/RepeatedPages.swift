// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import SystemPackage

extension MappedMemory {
    /// Maps one reserved page of 2 MiB `times` times, at consecutive addresses.
    ///
    /// - Throws: `ENOMEM` where none is reserved, or the address space has no range of that size.
    public init(hugePage times: Int) throws(KernelError) {
        let operation = "mapping a huge page \(times) times"
        let file = OwnedDescriptor(taking: try check(ppiov_memfd("ppiov", 2 << 20, true), operation))
        var address: UnsafeMutableRawPointer?
        let result = ppiov_map_repeatedly(file.rawValue, 2 << 20, CInt(times), &address)
        file.close()
        try check(result, operation)
        guard let address else { throw KernelError(operation, errno: .badAddress) }
        self.init(adopting: address, count: times << 21)
    }
}
