#include "adapters/pos/node.h"

#include "adapters/text.h"

struct node *
node_child(const struct node *node, const char *name)
{
    struct node *child = node != NULL ? node->first : NULL;
    struct tl_str wanted = text_of(name);

    while (child != NULL && !text_equal(child->name, wanted))
        child = child->next;
    return child;
}

struct tl_str
node_text(struct node *node)
{
    if (node == NULL)
        return (struct tl_str){0};
    node->used = true;
    return node->text;
}

struct tl_str
node_child_text(const struct node *node, const char *name)
{
    return node_text(node_child(node, name));
}

struct tl_str
node_attribute(const struct node *node, const char *name)
{
    struct node_attribute *a = node != NULL ? node->attributes : NULL;

    while (a != NULL && !text_is(a->name, name))
        a = a->next;
    if (a == NULL)
        return (struct tl_str){0};
    a->used = true;
    return a->value;
}

void
node_each_unread(struct node *node,
                 void (*call)(void *arg, const struct node *node,
                              const struct node_attribute *attribute),
                 void *arg)
{
    if (!node->used && node->text.len > 0) {
        node->used = true;
        call(arg, node, NULL);
    }
    for (struct node_attribute *a = node->attributes; a != NULL; a = a->next)
        if (!a->used && a->value.len > 0) {
            a->used = true;
            call(arg, node, a);
        }
    for (struct node *child = node->first; child != NULL; child = child->next)
        node_each_unread(child, call, arg);
}
