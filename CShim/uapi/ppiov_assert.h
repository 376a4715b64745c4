/* SPDX-License-Identifier: GPL-2.0 */
/* Assertions that our names are equal to those of a system header. */
#ifndef PPIOV_ASSERT_H
#define PPIOV_ASSERT_H

#include <stddef.h>

#define PPIOV_SAME(ours, theirs) \
	_Static_assert((long long)(ours) == (long long)(theirs), \
		       #ours " differs from the header")
#define PPIOV_SAME_SIZE(ours, theirs) \
	_Static_assert(sizeof(ours) == sizeof(theirs), "size of " #ours)
#define PPIOV_SAME_OFFSET(ours, theirs, member) \
	_Static_assert(offsetof(ours, member) == offsetof(theirs, member), \
		       #ours "." #member)

#endif
