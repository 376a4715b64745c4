/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asserts ppiov_uapi.h against the io_uring header that is included before:
 * the kernel's or liburing's.  Enumerators cannot be tested by #ifdef; each
 * is below a macro of the same release of the header.
 */
#ifdef IORING_SETUP_CQE32	/* 5.19 */
PPIOV_SAME(PPIOV_SETUP_CQE32, IORING_SETUP_CQE32);
PPIOV_SAME(PPIOV_SETUP_CQSIZE, IORING_SETUP_CQSIZE);
PPIOV_SAME(PPIOV_SETUP_CLAMP, IORING_SETUP_CLAMP);
PPIOV_SAME(PPIOV_SETUP_SUBMIT_ALL, IORING_SETUP_SUBMIT_ALL);
PPIOV_SAME(PPIOV_SETUP_COOP_TASKRUN, IORING_SETUP_COOP_TASKRUN);
PPIOV_SAME(PPIOV_REGISTER_PROBE, IORING_REGISTER_PROBE);
PPIOV_SAME(PPIOV_CQE_F_MORE, IORING_CQE_F_MORE);
PPIOV_SAME(PPIOV_RECV_POLL_FIRST, IORING_RECVSEND_POLL_FIRST);
#endif
#ifdef IORING_SETUP_SINGLE_ISSUER
PPIOV_SAME(PPIOV_SETUP_SINGLE_ISSUER, IORING_SETUP_SINGLE_ISSUER);
#endif
#ifdef IORING_SETUP_DEFER_TASKRUN
PPIOV_SAME(PPIOV_SETUP_DEFER_TASKRUN, IORING_SETUP_DEFER_TASKRUN);
#endif
#ifdef IORING_RECV_MULTISHOT
PPIOV_SAME(PPIOV_RECV_MULTISHOT, IORING_RECV_MULTISHOT);
#endif
#ifdef IORING_SETUP_CQE_MIXED
PPIOV_SAME(PPIOV_SETUP_CQE_MIXED, IORING_SETUP_CQE_MIXED);
#endif
#ifdef IORING_CQE_F_SKIP
PPIOV_SAME(PPIOV_CQE_F_SKIP, IORING_CQE_F_SKIP);
#endif
#ifdef IORING_CQE_F_32
PPIOV_SAME(PPIOV_CQE_F_32, IORING_CQE_F_32);
#endif
#ifdef IORING_ZCRX_AREA_SHIFT	/* 6.15 */
PPIOV_SAME(PPIOV_OP_RECV_ZC, IORING_OP_RECV_ZC);
PPIOV_SAME(PPIOV_REGISTER_ZCRX_IFQ, IORING_REGISTER_ZCRX_IFQ);
PPIOV_SAME(PPIOV_MEM_REGION_TYPE_USER, IORING_MEM_REGION_TYPE_USER);
PPIOV_SAME(PPIOV_ZCRX_AREA_SHIFT, IORING_ZCRX_AREA_SHIFT);
PPIOV_SAME(PPIOV_SQE_ZCRX_IFQ_IDX,
	   offsetof(struct io_uring_sqe, zcrx_ifq_idx));
PPIOV_SAME_SIZE(struct ppiov_region_desc, struct io_uring_region_desc);
PPIOV_SAME_OFFSET(struct ppiov_region_desc, struct io_uring_region_desc,
		  mmap_offset);
PPIOV_SAME_SIZE(struct ppiov_zcrx_rqe, struct io_uring_zcrx_rqe);
PPIOV_SAME_SIZE(struct ppiov_zcrx_cqe, struct io_uring_zcrx_cqe);
PPIOV_SAME_SIZE(struct ppiov_zcrx_offsets, struct io_uring_zcrx_offsets);
PPIOV_SAME_SIZE(struct ppiov_zcrx_area_reg, struct io_uring_zcrx_area_reg);
PPIOV_SAME_OFFSET(struct ppiov_zcrx_area_reg, struct io_uring_zcrx_area_reg,
		  rq_area_token);
PPIOV_SAME_SIZE(struct ppiov_zcrx_ifq_reg, struct io_uring_zcrx_ifq_reg);
PPIOV_SAME_OFFSET(struct ppiov_zcrx_ifq_reg, struct io_uring_zcrx_ifq_reg,
		  offsets);
PPIOV_SAME_OFFSET(struct ppiov_zcrx_ifq_reg, struct io_uring_zcrx_ifq_reg,
		  zcrx_id);
#endif
