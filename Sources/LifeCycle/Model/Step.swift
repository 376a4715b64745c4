// SPDX-License-Identifier: GPL-2.0

/// One atomic action of one actor: no other CPU can observe a part of it.
public struct Step: Equatable, Sendable {
    /// In the order of a buffer's life cycle, then the teardown.
    public enum Kind: UInt8, CaseIterable, Sendable {
        case allocate, takeFromCache, takeFromRing
        case refillReuse, refillLast, refillUnreference, refillIgnore
        case copyFallback
        case takeReference, dropReference, finishPut
        case startDelivery, deliver, eraseReservation
        case post, flush, returnToken
        case recycleInCache, recycleInRing, unlockRing, returnToProvider, countRelease
        case scrubUser
        case emptyPool, freePool
        case restart, close, dropHandle, closeSocket, removeDevice, freeProvider
    }

    public var kind: Kind
    /// Index of the buffer in the state before the step.
    public var buffer: UInt8
    /// The pool's number, from 1; 0 for none.
    public var pool: UInt8

    @inline(__always)
    init(_ kind: Kind, buffer: Int = 0, pool: Int = 0) {
        self.kind = kind
        self.buffer = UInt8(truncatingIfNeeded: buffer)
        self.pool = UInt8(truncatingIfNeeded: pool)
    }
}

extension Step.Kind {
    /// Which actor takes the step.
    func actor(_ provider: ModelProvider) -> Actor {
        switch self {
        case .allocate, .takeFromCache, .takeFromRing, .refillReuse, .refillLast, .refillUnreference, .refillIgnore: .napi
        case .takeReference, .dropReference: .stack
        case .finishPut, .recycleInCache, .recycleInRing, .unlockRing, .returnToProvider, .countRelease: .putter
        case .copyFallback, .startDelivery, .deliver: .reader
        case .post, .flush, .returnToken, .eraseReservation: .user
        case .emptyPool, .freePool, .freeProvider: .worker
        case .scrubUser, .close, .dropHandle, .closeSocket: .closer
        case .restart, .removeDevice: .administrator
        }
    }

    /// The step concerns one buffer.
    var hasBuffer: Bool {
        switch self {
        case .unlockRing, .countRelease, .freePool, .restart, .close, .dropHandle, .closeSocket, .removeDevice, .freeProvider: false
        default: true
        }
    }
}

/// What runs concurrently.
enum Actor: String, CaseIterable {
    case napi = "NAPI"
    case stack = "Stack"
    case putter = "Putter"
    case reader = "Reader"
    case user = "User"
    case closer = "Close"
    case administrator = "Admin"
    case worker = "Worker"
}
