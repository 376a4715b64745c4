// SPDX-License-Identifier: GPL-2.0

/// The fields of an event: `NAME=VALUE`, with or without a comma after the value.
///
/// The kernel and trace-cmd print the event's print format (`page_pool=%p netmem=%p is_net_iov=%lu, pfn=0x%lx hold=%u`,
/// include/trace/events/page_pool.h), or the fields of the record: tracefs with the option `fields` (`pool=0x... hold=0x1 (1)`), trace-cmd with `-R`
/// (`pool=0x... hold=1`).
extension Span<UInt8> {
    /// The value of the first field of that name.
    private func value(_ name: String, _ fields: Range<Int>) -> Range<Int>? {
        var at = fields.lowerBound
        while at < fields.upperBound {
            let end = first(UInt8(ascii: " "), in: at..<fields.upperBound) ?? fields.upperBound
            let equals = at + name.utf8.count
            if equals < end, self[equals] == UInt8(ascii: "="), self.equals(name, at..<equals) {
                var last = end
                while last > equals + 1 && self[last - 1] == UInt8(ascii: ",") { last -= 1 }
                return equals + 1..<last
            }
            at = end + 1
        }
        return nil
    }

    private func hasHexPrefix(_ digits: Range<Int>) -> Bool {
        digits.count > 2 && self[digits.lowerBound] == UInt8(ascii: "0") && self[digits.lowerBound + 1] == UInt8(ascii: "x")
    }

    /// `%p` prints hexadecimal digits only; trace-cmd and the option `fields` print 0x before them.
    func pointer(_ name: String, _ fields: Range<Int>) -> UInt64? {
        guard let digits = value(name, fields) else { return nil }
        return hexadecimal(hasHexPrefix(digits) ? digits.lowerBound + 2..<digits.upperBound : digits)
    }

    /// A decimal number, or with 0x the 32 or 64 bits of one.
    func number(_ name: String, _ fields: Range<Int>) -> Int64? {
        guard let digits = value(name, fields), !digits.isEmpty else { return nil }
        if hasHexPrefix(digits) { return hexadecimal(digits.lowerBound + 2..<digits.upperBound).flatMap(Int64.init(exactly:)) }
        guard self[digits.lowerBound] == Ascii.dash else { return unsigned(digits).flatMap(Int64.init(exactly:)) }
        return unsigned(digits.lowerBound + 1..<digits.upperBound).flatMap(Int64.init(exactly:)).map { -$0 }
    }

    func counter(_ name: String, _ fields: Range<Int>) -> UInt32? {
        number(name, fields).flatMap(UInt32.init(exactly:))
    }

    /// A signed 32-bit number; with 0x its bits.
    func signed(_ name: String, _ fields: Range<Int>) -> Int32? {
        guard let number = number(name, fields) else { return nil }
        if let digits = value(name, fields), hasHexPrefix(digits) {
            return UInt32(exactly: number).map { Int32(bitPattern: $0) }
        }
        return Int32(exactly: number)
    }

    func pool(_ fields: Range<Int>) -> UInt64? { pointer("page_pool", fields) ?? pointer("pool", fields) }

    /// The pool and the `netmem_ref`. The lowest bit of a hashed pointer (32 bits, lib/vsprintf.c) is a bit of the hash, not the net_iov
    /// bit. It is replaced by the net_iov bit; if they differ, bit 32 is set, so that two hashes stay two netmems.
    ///
    /// - Returns: nil also where an address contradicts `is_net_iov`, which is its lowest bit.
    func references(_ fields: Range<Int>) -> (pool: UInt64, netmem: UInt64)? {
        guard let pool = pointer("page_pool", fields) else { return recordReferences(fields) }
        guard let netmem = pointer("netmem", fields) else { return nil }
        guard let iov = number("is_net_iov", fields), (iov != 0) != (netmem & 1 != 0) else { return (pool, netmem) }
        return netmem <= UInt32.max ? (pool, netmem ^ 1 | 1 << 32) : nil
    }

    /// The same in the fields of the record, which have the `netmem_ref` itself. Without 0x it would be decimal, which no version prints.
    private func recordReferences(_ fields: Range<Int>) -> (pool: UInt64, netmem: UInt64)? {
        guard let pool = pointer("pool", fields), let digits = value("netmem", fields), hasHexPrefix(digits) else { return nil }
        return hexadecimal(digits.lowerBound + 2..<digits.upperBound).map { (pool, $0) }
    }
}
