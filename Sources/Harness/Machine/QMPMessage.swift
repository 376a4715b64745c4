// SPDX-License-Identifier: GPL-2.0

import Foundation
import Results

/// A JSON value of QMP.
enum QMPValue: Sendable, Equatable, Codable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([QMPValue])
    case object([String: QMPValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([QMPValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: QMPValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// The member of an object; nil for anything else.
    subscript(_ key: String) -> QMPValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }
}

/// An event of QEMU: SHUTDOWN, RESET, STOP, RESUME, GUEST_PANICKED, MIGRATION, ...
struct QMPEvent: Sendable, Equatable {
    var name: String
    var data = QMPValue.object([:])
}

/// QEMU refused a command.
struct QMPError: Error, Sendable, Equatable, CustomStringConvertible {
    var command: String
    /// QEMU's class of error: "GenericError", "CommandNotFound", ...
    var errorClass: String
    var message: String

    var description: String { "QEMU refused \(command): \(message) (\(errorClass))" }
}

/// One line from QEMU's monitor (docs/interop/qmp-spec in QEMU's source).
enum QMPMessage: Sendable, Equatable {
    case greeting(version: String)
    case reply(id: Int, QMPValue)
    case refusal(id: Int?, errorClass: String, message: String)
    case event(QMPEvent)
    /// Not QMP: broken JSON, or JSON that is none of the above.
    case unknown(String)

    init(line: String) {
        guard let value = try? JSONDecoder().decode(QMPValue.self, from: Data(line.utf8)) else {
            self = .unknown(line)
            return
        }
        var id: Int?
        if case .integer(let number)? = value["id"] { id = Int(exactly: number) }
        if let greeting = value["QMP"] {
            self = .greeting(version: Self.version(greeting))
        } else if let name = value["event"]?.string {
            self = .event(QMPEvent(name: name, data: value["data"] ?? .object([:])))
        } else if let error = value["error"] {
            self = .refusal(
                id: id, errorClass: error["class"]?.string ?? "unknown class", message: error["desc"]?.string ?? "no description")
        } else if let result = value["return"], let id {
            self = .reply(id: id, result)
        } else {
            self = .unknown(line)
        }
    }

    private static func version(_ greeting: QMPValue) -> String {
        let qemu = greeting["version"]?["qemu"]
        return ["major", "minor", "micro"].map { part in
            if case .integer(let number)? = qemu?[part] { String(number) } else { "?" }
        }.joined(separator: ".")
    }

    /// The line of a request to execute `command`.
    static func request(id: Int, command: String, arguments: [String: QMPValue]) throws -> [UInt8] {
        var request: [String: QMPValue] = ["execute": .string(command), "id": .integer(Int64(id))]
        if !arguments.isEmpty { request["arguments"] = .object(arguments) }
        return Array(try StableJSON.line(request)) + [UInt8(ascii: "\n")]
    }
}
