// SPDX-License-Identifier: GPL-2.0

/// tracefs texts of Linux 7.3 on x86-64.
public enum Texts {
    public static let headerPage = """
        \tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
        \tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
        \tfield: char overwrite;\toffset:8;\tsize:1;\tsigned:1;
        \tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;

        """

    private static let common = """
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
        \tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
        \tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
        \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;
        """

    public static func state(_ name: String, id: Int) -> String {
        """
        name: page_pool_state_\(name)
        ID: \(id)
        format:
        \(common)

        \tfield:const struct page_pool * pool;\toffset:8;\tsize:8;\tsigned:0;
        \tfield:unsigned long netmem;\toffset:16;\tsize:8;\tsigned:0;
        \tfield:u32 \(name);\toffset:24;\tsize:4;\tsigned:0;
        \tfield:unsigned long pfn;\toffset:32;\tsize:8;\tsigned:0;

        print fmt: "page_pool=%p netmem=%p is_net_iov=%lu, pfn=0x%lx \(name)=%u", REC->pool, (void *)REC->netmem
        """
    }

    public static let release = """
        name: page_pool_release
        ID: 321
        format:
        \(common)

        \tfield:const struct page_pool * pool;\toffset:8;\tsize:8;\tsigned:0;
        \tfield:s32 inflight;\toffset:16;\tsize:4;\tsigned:1;
        \tfield:u32 hold;\toffset:20;\tsize:4;\tsigned:0;
        \tfield:u32 release;\toffset:24;\tsize:4;\tsigned:0;
        \tfield:u64 cnt;\toffset:32;\tsize:8;\tsigned:0;

        print fmt: "page_pool=%p inflight=%d hold=%u release=%u cnt=%llu", REC->pool, REC->inflight
        """

    public static let print = """
        name: print
        ID: 5
        format:
        \(common)

        \tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;
        \tfield:char buf[];\toffset:16;\tsize:0;\tsigned:0;

        print fmt: "%ps: %s", (void *)REC->ip, REC->buf
        """

    public static let marked = all.merging(["print": print]) { $1 }

    public static let all = [
        "header_page": headerPage, "page_pool_state_hold": state("hold", id: 323),
        "page_pool_state_release": state("release", id: 322), "page_pool_release": release,
    ]
}
