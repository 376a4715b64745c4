// SPDX-License-Identifier: GPL-2.0

import Glibc

/// The mode of the terminal at standard input, which a child that is killed does not restore.
struct TerminalMode: Sendable {
    private let mode: termios

    /// nil where standard input is no terminal.
    init?() {
        var mode = termios()
        guard tcgetattr(STDIN_FILENO, &mode) == 0 else { return nil }
        self.mode = mode
    }

    /// Sets the mode again. A process in the background may not: the terminal is another's.
    func restore() {
        guard tcgetpgrp(STDIN_FILENO) == getpgrp() else { return }
        var mode = mode
        tcsetattr(STDIN_FILENO, TCSANOW, &mode)
    }
}
