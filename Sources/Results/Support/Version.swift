// SPDX-License-Identifier: GPL-2.0

/// The version of ppiov: `ppiov --version`, `toolVersion` in results.json, `tool` in metadata.json.
public enum ToolVersion {
    public static let current = "0.2.0"
}
