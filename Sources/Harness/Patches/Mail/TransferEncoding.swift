// SPDX-License-Identifier: GPL-2.0

/// How the bytes of a part are written (RFC 2045, section 6).
enum TransferEncoding: Equatable {
    case asIs
    case quotedPrintable
    case base64
    /// One that is not known, by its name.
    case other(String)

    /// - Parameter name: of the field Content-Transfer-Encoding, in lower case.
    init(_ name: String?) {
        switch name {
        case nil, "", "7bit", "8bit", "binary": self = .asIs
        case "quoted-printable": self = .quotedPrintable
        case "base64": self = .base64
        case let name?: self = .other(name)
        }
    }

    func decoded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        switch self {
        case .asIs, .other: Array(bytes)
        case .quotedPrintable: Self.quotedPrintable(bytes)
        case .base64: Self.base64(bytes)
        }
    }

    private static func quotedPrintable(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var at = bytes.startIndex
        while at < bytes.endIndex {
            let byte = bytes[at]
            at += 1
            guard byte == 0x3d, at < bytes.endIndex else {
                if byte != 0x3d { text.append(byte) }
                continue
            }
            if bytes[at] == 0x0a {
                at += 1
            } else if at + 1 < bytes.endIndex, let high = digit(bytes[at]), let low = digit(bytes[at + 1]) {
                text.append(high << 4 | low)
                at += 2
            } else {
                text.append(byte)
            }
        }
        return text
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    private static func base64(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count / 4 * 3)
        var (bits, count): (UInt32, Int) = (0, 0)
        for byte in bytes {
            let value: UInt8
            switch byte {
            case 0x41...0x5a: value = byte - 0x41
            case 0x61...0x7a: value = byte - 0x61 + 26
            case 0x30...0x39: value = byte - 0x30 + 52
            case 0x2b: value = 62
            case 0x2f: value = 63
            case 0x3d:
                // The end of what was encoded; more may follow it.
                (bits, count) = (0, 0)
                continue
            default: continue
            }
            bits = bits << 6 | UInt32(value)
            count += 1
            switch count {
            case 2: text.append(UInt8(truncatingIfNeeded: bits >> 4))
            case 3: text.append(UInt8(truncatingIfNeeded: bits >> 2))
            case 4:
                text.append(UInt8(truncatingIfNeeded: bits))
                (bits, count) = (0, 0)
            default: break
            }
        }
        return text
    }
}
