// SPDX-License-Identifier: GPL-2.0

/// The interface and its peer as the kernel's driver selftests describe them (drivers/net/README.rst).
public struct HardwareInterface: Sendable, Equatable {
    public var name: String
    public var local: String
    public var remote: String
    /// "netns" or "ssh", and its argument.
    var remoteType: String
    var remoteArguments: String

    /// nil where NETIF is not set.
    ///
    /// - Throws: `ScenarioFailure` that names the variable that is missing.
    init?(variables: [String: String]) throws {
        guard let name = variables["NETIF"], !name.isEmpty else { return nil }
        func required(_ names: String...) throws -> String {
            for name in names {
                if let value = variables[name], !value.isEmpty { return value }
            }
            throw ScenarioFailure("NETIF is set, so \(names.joined(separator: " or ")) must be too")
        }
        self.name = name
        local = try required("LOCAL_V4", "LOCAL_V6")
        remote = try required(variables["LOCAL_V4"]?.isEmpty == false ? "REMOTE_V4" : "REMOTE_V6")
        remoteType = try required("REMOTE_TYPE")
        remoteArguments = try required("REMOTE_ARGS")
        guard ["netns", "ssh"].contains(remoteType) else {
            throw ScenarioFailure("REMOTE_TYPE is \"\(remoteType)\"; it must be netns or ssh")
        }
    }

    func peerCommand(agent: String) -> [String] {
        if remoteType == "netns" { return [agent, "peer", "--netns", remoteArguments] }
        // The agent's executable is sent first, into a file that the agent unlinks when it runs.
        let remote = "f=$(mktemp) && head -c \"$1\" >$f && chmod 700 $f && exec $f peer --unlink $f"
        return [
            "/bin/sh", "-c",
            "{ cat \"$0\"; cat; } | exec ssh -oBatchMode=yes $1 sh -c \"'$2'\" sh \"$(stat -Lc %s \"$0\")\"",
            agent, remoteArguments, remote,
        ]
    }
}
