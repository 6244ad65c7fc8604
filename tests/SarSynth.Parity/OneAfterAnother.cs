// A test's own x * 0.5 hands TorchSharp a number that nothing holds during the call: a collection on another test's
// thread may free it first, and a wrong value or the end of the process would be taken for a fault of the kit.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
