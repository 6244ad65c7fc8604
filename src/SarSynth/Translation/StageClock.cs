// Where time and memory of a translation go, stage by stage.
using System.Diagnostics;

namespace SarSynth.Translation;

/// <summary>What a stage took.</summary>
/// <param name="Stage">Its name: "reading", "network", "speckle", "writing", ...</param>
/// <param name="Seconds">By the clock on the wall, without the stages that ran inside of it.</param>
/// <param name="CpuSeconds">Of all threads of the process, likewise.</param>
/// <param name="Megabytes">The most memory that the process was seen to hold in it, 10^6 bytes.</param>
public sealed record StageCost(string Stage, double Seconds, double CpuSeconds, double Megabytes);

/// <summary>Measures stages; one that begins inside another stops the other's clock. For one thread.</summary>
internal sealed class StageClock
{
    // Asking the system for memory takes longer than drawing a line of speckle.
    private static readonly TimeSpan betweenLooks = TimeSpan.FromMilliseconds(50);

    private readonly Dictionary<string, (TimeSpan Wall, TimeSpan Cpu, long Memory)> spent = [];
    private readonly List<string> order = [];
    private readonly Stack<string> running = [];
    private long mark = Stopwatch.GetTimestamp(), looked;
    private TimeSpan cpuMark = Environment.CpuUsage.TotalTime;

    /// <summary>What was measured, in the order in which the stages began.</summary>
    public IReadOnlyList<StageCost> Costs =>
    [
        .. order.Select(stage => new StageCost(stage, Math.Round(spent[stage].Wall.TotalSeconds, 3),
            Math.Round(spent[stage].Cpu.TotalSeconds, 3), Math.Round(spent[stage].Memory / 1e6, 1))),
    ];

    /// <summary>Begins a stage, which ends when the result is disposed.</summary>
    public IDisposable Measure(string stage)
    {
        Charge();
        if (spent.TryAdd(stage, default))
            order.Add(stage);
        running.Push(stage);
        return new End(this);
    }

    private void Charge()
    {
        var (now, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        if (running.TryPeek(out var stage))
        {
            var (wall, used, memory) = spent[stage];
            if (memory == 0 || Stopwatch.GetElapsedTime(looked, now) > betweenLooks)
                (memory, looked) = (Math.Max(memory, Environment.WorkingSet), now);
            spent[stage] = (wall + Stopwatch.GetElapsedTime(mark, now), used + cpu - cpuMark, memory);
        }
        (mark, cpuMark) = (now, cpu);
    }

    private sealed class End(StageClock clock) : IDisposable
    {
        public void Dispose()
        {
            clock.Charge();
            clock.running.Pop();
        }
    }
}
