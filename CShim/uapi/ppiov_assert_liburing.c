// SPDX-License-Identifier: GPL-2.0
/* ppiov_uapi.h against the io_uring header of liburing. */
#include <liburing.h>

#include "ppiov_uapi.h"
#include "ppiov_assert.h"
#include "ppiov_assert_io_uring.h"
