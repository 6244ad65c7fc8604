using SarSynth.FineTuning;

namespace SarSynth.Tests.FineTuning;

public sealed class ProcessMemoryTests
{
    [Theory]
    [InlineData("VmHWM:\t  499000 kB", 499000L * 1024)]
    [InlineData("VmHWM:\t17902000 kB", 17902000L * 1024)]
    [InlineData("VmRSS:\t  499000 kB", null)]
    public void TheKernelsLineIsRead(string line, long? bytes) =>
        Assert.Equal(bytes, ProcessMemory.Of(["Name:\tdotnet", line]));

    [Fact]
    public void WhatIsTouchedIsCounted()
    {
        if (!ProcessMemory.CountFromNow())
            return;
        var before = ProcessMemory.Largest()!.Value;
        var block = new byte[300 << 20];
        for (var i = 0; i < block.Length; i += 4096)
            block[i] = 1;
        Assert.InRange(ProcessMemory.Largest()!.Value, before + (250L << 20), long.MaxValue);
        GC.KeepAlive(block);
    }
}
