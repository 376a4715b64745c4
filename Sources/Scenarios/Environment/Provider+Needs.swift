// SPDX-License-Identifier: GPL-2.0

import Results

extension Provider {
    /// The providers of net_iovs.
    static let ofNetIovs: [Provider] = [.zcrx, .devmem]

    /// What any scenario of the provider needs.
    var needs: Set<Need> {
        switch self {
        case .zcrx: [.interface, .zcrx, .zcrxStatistics]
        case .devmem: [.interface, .devmem]
        case .pages: [.interface]
        }
    }
}
