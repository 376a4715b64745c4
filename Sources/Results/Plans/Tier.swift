// SPDX-License-Identifier: GPL-2.0

/// What a result proves: a pass on one tier is never shown as a pass on another.
public enum Tier: String, Codable, Sendable, CaseIterable {
    /// zcrx registered with `ZCRX_REG_NODEV`: no page pool, and no provider operation is called.
    case nodev
    /// A real page pool and a real provider over netdevsim; the DMA is simulated.
    case netdevsim
    /// A real network interface.
    case hardware
    /// Checks of the harness, without a kernel feature.
    case harness
}
