// SPDX-License-Identifier: GPL-2.0

/// What is known of a kernel and of the machine that it runs on, apart from what scenarios observe.
public struct KernelFacts: Sendable, Equatable {
    /// A netdevsim with the first patch of `vm/patches/netdevsim-7.2`: its queues accept memory providers.
    public struct Netdevsim: Sendable, Equatable {
        /// It has the patch that takes buffers larger than a page. False where that is not known.
        public var largeBuffers: Bool
        /// It has the patch that steers received packets by ntuple rules and RSS. False where that is not known.
        public var steering: Bool

        public init(largeBuffers: Bool, steering: Bool) {
            self.largeBuffers = largeBuffers
            self.steering = steering
        }
    }

    /// How the machine was booted, and so what is known of its boot parameters, sysctls, memory and device nodes.
    public enum Machine: Sendable, Equatable {
        /// By the harness, which chooses them.
        case harnessGuest
        /// Not by the harness.
        ///
        /// - Parameters:
        ///   - ioUring: the sysctl kernel.io_uring_disabled does not disable io_uring for root.
        ///   - udmabuf: /dev/udmabuf exists.
        case booted(ioUring: Bool, udmabuf: Bool)
    }

    /// As `uname -r` prints it.
    public var release: String
    /// The text of the final .config; nil where it is not known.
    public var configuration: String?
    /// nil where scenarios do not run on netdevsim, or on one without that patch.
    public var netdevsim: Netdevsim?
    public var machine: Machine

    public init(release: String, configuration: String?, netdevsim: Netdevsim?, machine: Machine) {
        self.release = release
        self.configuration = configuration
        self.netdevsim = netdevsim
        self.machine = machine
    }
}
