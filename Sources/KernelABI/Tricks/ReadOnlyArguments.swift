// SPDX-License-Identifier: GPL-2.0

internal import CShim

/// Requests whose argument is in read-only memory, so that the kernel cannot write its results.
extension ZeroCopyReceive.Ring {
    /// Exports with the request in read-only memory.
    ///
    /// - Throws: `EFAULT`; no descriptor of the export may be left then.
    public borrowing func exportReadOnlyArgument(queue: UInt32) throws(KernelError) {
        try check(ppiov_zcrx_export_read_only_argument(raw, queue), "export of zcrx \(queue) from read-only memory")
    }

    /// Imports with the request in read-only memory.
    ///
    /// - Throws: `EFAULT`; nothing of the import may be left then.
    public borrowing func importQueueReadOnlyArgument(_ exported: CInt) throws(KernelError) {
        var reg = ppiov_zcrx_ifq_reg()
        try check(
            ppiov_zcrx_import_read_only_argument(raw, exported, &reg), "import of zcrx descriptor \(exported) from read-only memory")
    }

    /// Adds an area with the request in read-only memory, so that the kernel cannot write the token.
    ///
    /// - Throws: `EFAULT`; the queue may not have the area then.
    public borrowing func addAreaReadOnlyArgument(_ area: ZeroCopyReceive.Registration.Area, queue: UInt32) throws(KernelError) {
        var raw = area.raw
        try check(
            ppiov_zcrx_add_area_read_only_argument(self.raw, queue, &raw), "adding an area to zcrx \(queue) from read-only memory")
    }
}
