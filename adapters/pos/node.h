/* node.h -- one transaction of a till's log, as a tree.
 *
 * What is read is marked; what nobody read can so be kept or counted. */

#ifndef ADAPTERS_POS_NODE_H
#define ADAPTERS_POS_NODE_H

#include "client/touchline.h"

struct node_attribute {
    struct node_attribute *next;
    struct tl_str name;
    struct tl_str value;
    bool used;
};

struct node {
    struct tl_str name;         /* `Sale`; `acs:ItemCount` of NCR's; `other:svg` */
    struct tl_str text;         /* without blanks around */
    struct node_attribute *attributes;
    struct node *parent, *first, *last, *next;
    bool used;                  /* its text */
};

/* The first child of that name, or NULL.  `node` may be NULL. */
struct node *node_child(const struct node *node, const char *name);

/* Its text, marked as read; empty when there is none. */
struct tl_str node_text(struct node *node);
struct tl_str node_child_text(const struct node *node, const char *name);
struct tl_str node_attribute(const struct node *node, const char *name);

/* Calls for each value in the tree that nobody has read (`attribute` NULL: the
 * node's text), and marks it. */
void node_each_unread(struct node *node,
                      void (*call)(void *arg, const struct node *node,
                                   const struct node_attribute *attribute),
                      void *arg);

#endif
