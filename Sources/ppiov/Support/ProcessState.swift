// SPDX-License-Identifier: GPL-2.0

import Foundation
import Glibc
import Harness
import Results

/// What this process inherits from its parent and must not take over, and its end.
enum ProcessState {
    /// The exit code where the reader of standard output ended first: that of a program that SIGPIPE ends.
    static let readerEnded: Int32 = 141

    /// To be called before any thread or child process is started.
    static func prepare() {
        // The end of a reader such as `head -1`, or a limit on the size of files, must not end the harness before it has stopped its machines.
        // Handlers and not SIG_IGN, which the programs that it starts would inherit.
        for number in [SIGPIPE, SIGXFSZ] { signal(number) { _ in } }
        // A parent that ignores SIGCHLD leaves no child to wait for, and signals that it blocked would never arrive.
        signal(SIGCHLD, SIG_DFL)
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        // Where a standard descriptor is closed, the next file or socket would get its number, and the output. Opened to be read, a closed
        // standard output stays one that cannot be written.
        while case let descriptor = open("/dev/null", O_RDONLY), descriptor >= 0 {
            guard descriptor > STDERR_FILENO else { continue }
            close(descriptor)
            break
        }
    }

    /// Ends the process with `code`. Where standard output could not be written, the verdict was not told: the code is `lost`, or 141 where the
    /// reader ended first, and standard error names what was kept.
    static func end(_ code: Int32, lost: Int32) -> Never {
        let output = StandardStream.output
        output.close()
        guard let failure = output.failure else { exit(code) }
        // A signal arrived while the reader did not read.
        guard failure != EINTR, code != HarnessError.Kind.interrupted.rawValue else { exit(HarnessError.Kind.interrupted.rawValue) }
        let isReader = failure == EPIPE
        if !isReader || output.kept != nil {
            let what = isReader ? "the reader of standard output ended before it had read all" : "cannot write standard output: \(reason(failure))"
            Console.error("ppiov: \(what); the exit status would have been \(code)")
            Console.error("hint: " + (output.kept.map { "\($0.oneLine) has the results" } ?? "run it again with an output that can be written"))
        }
        exit(isReader ? readerEnded : lost)
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
