// SPDX-License-Identifier: GPL-2.0

import Testing

@testable import KernelLogForms

@Suite struct MessageFormTests {
    private func forms(_ source: String, of file: String = "lib/list-debug.c", onlyWithStack: Bool = false) -> [String] {
        MessageForm.forms(in: Array(source.utf8), of: file, onlyWithStack: onlyWithStack).map {
            "\($0.call): \(String(decoding: $0.text, as: UTF8.self))"
        }
    }

    @Test func aCallOfSeveralLines() {
        let source = """
            #define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
            \tpr_err_once("list %px is "
            \t       "corrupted\\n",
            \t       list);
            \tprintk(KERN_ERR "BUG: no prefix\\n");

            """
        #expect(forms(source) == ["pr_err_once: list_debug: list %px is corrupted\\n", "printk: BUG: no prefix\\n"])
    }

    @Test(arguments: [
        ("\tprintk(KERN_DEBUG \"Low level\");", "printk-low: Low level"), ("\tdev_warn(dev, \"No device\");", "dev_warn: %s: No device"),
        ("\terr_printk(dev, entry, \"Device\");", "err_printk: DMA-API: Device"), ("\tpr_warn(FW_BUG \"Firmware\");", "pr_warn: Firmware"),
        ("\tslab_err(s, slab, \"A \\\"quote\\\"\");", "slab_err: A \\\"quote\\\""), ("\tpr_warn(\"Macro\"); \\", "pr_warn: Macro"),
        ("\tif (x) netdev_err(dev, \"Both\");", "netdev_err: %s: Both"),
    ])
    func callsAndLevels(_ line: String, _ form: String) { #expect(forms(line + "\n") == [form]) }

    @Test(arguments: [
        "static void pr_err(const char *Text);", "\tpr_info(\"Information\");", "\tpr_err(\"%s\", text);", "\tpr_err(text);",
        "\tmy_pr_err_x(\"No call\");",
        "\tpr_err(\"Not closed);",
    ])
    func whatIsNoMessage(_ line: String) { #expect(forms(line + "\n").isEmpty) }

    @Test func aDumpOfTheStackBelongsToTheCallBefore() {
        let near = "\tpr_err(\"Near\");\n\tx();\n\tdump_stack();\n"
        let far = "\tpr_err(\"Far\");\n" + String(repeating: "\tx();\n", count: 9) + "\tdump_stack();\n"
        let other = "\tpr_err(\"Other\");\n}\n\tdump_stack();\n"
        #expect(forms(near + far + other) == ["pr_err+stack: Near", "pr_err: Far", "pr_err: Other"])
        #expect(forms(near + far + other, onlyWithStack: true) == ["pr_err+stack: Near"])
    }
}
