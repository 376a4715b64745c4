/* SPDX-License-Identifier: GPL-2.0 */
/* What the message parsers share.  Private to this directory. */
#ifndef PPIOV_NETLINK_READ_H
#define PPIOV_NETLINK_READ_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A range of bytes that holds attributes.  libmnl's iterators read through
 * typed pointers and do not check alignment and inner lengths; the functions
 * here copy, and check lengths.
 */
struct ppiov_span {
	const uint8_t *at;
	size_t left;
};

/* How the payload of an attribute is read */
enum ppiov_kind {
	PPIOV_EXACT,		/* as many bytes as the member has */
	PPIOV_UINT,		/* a netlink "uint" of 4 or 8 bytes, to a u64 */
	PPIOV_TEXT,		/* a string, cut to the member, terminated */
	PPIOV_PRESENT,		/* not read: only the flag is set */
	PPIOV_NEST,		/* by a table of its own */
	PPIOV_CALL,		/* by a function */
};

/* Matches every attribute type, for lists whose types are indices */
#define PPIOV_ANY_TYPE	UINT16_MAX

struct ppiov_table;

/*
 * One attribute, and the members of the result that it sets.  @has is the
 * offset of a bool, or, with @bit, of a u32 in which the bit is set; 0 means that
 * the field has none.
 */
struct ppiov_field {
	uint16_t type;
	uint16_t kind;		/* enum ppiov_kind */
	uint16_t at;		/* offset of the value in the result */
	uint16_t size;		/* of the value, in bytes */
	uint16_t has;
	uint32_t bit;
	const struct ppiov_table *nest;
	int (*call)(struct ppiov_span payload, void *result);
};

struct ppiov_table {
	const struct ppiov_field *fields;
	size_t count;
};

#define PPIOV_TABLE(fields_) \
	{ .fields = fields_, .count = sizeof(fields_) / sizeof(fields_[0]) }

#define PPIOV_FIELD(kind_, type_, result, member, ...)			\
	{ .type = type_, .kind = kind_, .at = offsetof(result, member),	\
	  .size = sizeof(((result *)NULL)->member), __VA_ARGS__ }

/* A field with a bool @flag, which is set where the attribute is present */
#define PPIOV_OPTIONAL(kind_, type_, result, member, flag)		\
	PPIOV_FIELD(kind_, type_, result, member,			\
		    .has = offsetof(result, flag))

/* A field with a bit in @has, which is set where the attribute is present */
#define PPIOV_MASKED(type_, result, member, bit_)			\
	PPIOV_FIELD(PPIOV_EXACT, type_, result, member,			\
		    .has = offsetof(result, has), .bit = bit_)

/* An attribute without a payload that is read */
#define PPIOV_FLAG(type_, result, flag)					\
	{ .type = type_, .kind = PPIOV_PRESENT, .has = offsetof(result, flag) }

int ppiov_read_payload(const void *buf, size_t len, size_t header,
		       struct ppiov_span *out);
int ppiov_read_fields(struct ppiov_span span, const struct ppiov_table *table,
		      void *result);
int ppiov_read_genl(const void *buf, size_t len,
		    const struct ppiov_table *table, void *result,
		    size_t result_size);

#endif
