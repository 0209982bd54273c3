/* Stands in for fdatasync in a broker that is broken on purpose. */

int never_synced(int fd);

int
never_synced(int fd)
{
    (void)fd;
    return 0;
}
