// The tests share the default generator, the counters and the thread settings of one libtorch: one at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
