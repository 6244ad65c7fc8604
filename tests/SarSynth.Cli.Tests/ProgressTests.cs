using Spectre.Console;

namespace SarSynth.Cli.Tests;

public sealed class ProgressTests
{
    /// <summary>A clock that stands until it is moved, and rings its timers on the way.</summary>
    private sealed class HandClock : TimeProvider
    {
        private readonly List<Ringer> timers = [];
        private long now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            timers.Add(new(callback, now + dueTime.Ticks, period.Ticks));
            return timers[^1];
        }

        public void Move(double seconds)
        {
            now += TimeSpan.FromSeconds(seconds).Ticks;
            timers.ForEach(timer => timer.Ring(now));
        }

        private sealed class Ringer(TimerCallback callback, long due, long period) : ITimer
        {
            private bool stopped;

            public void Ring(long now)
            {
                for (; !stopped && due <= now; due += period)
                    callback(null);
            }

            public bool Change(TimeSpan dueTime, TimeSpan period) => throw new NotSupportedException();

            public void Dispose() => stopped = true;

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }

    [Fact]
    public void LogGetsOnePlainLineEvery30Seconds()
    {
        var (clock, log) = (new HandClock(), new StringWriter());
        var display = new PlainProgress("translating", log, clock);
        for (var second = 0; second < 29; second++)
        {
            display.At(second / 120.0, "scene 1");
            clock.Move(1);
        }
        Assert.Empty(log.ToString());
        display.At(0.25, "scene 1");
        clock.Move(1);
        Assert.Equal("translating: 25 %, scene 1, 30 s, about 1 min 30 s left\n", log.ToString());
        // A long step that tells nothing is told of all the same.
        clock.Move(60);
        Assert.Equal(3, log.ToString().Count(c => c == '\n'));
        Assert.Contains("1 min 30 s, about 4 min 30 s left", log.ToString());
        display.End(true);
        clock.Move(60);
        Assert.Equal(3, log.ToString().Count(c => c == '\n'));
        Assert.DoesNotContain('\u001b', log.ToString());
    }

    [Fact]
    public void PlainTablesHoldNoCodesAnd80Columns()
    {
        var text = new StringWriter();
        var console = Terminal.For(text, plain: true);
        console.Write(Terminal.Table("[bold red]one[/]", "two").AddRow(new string('x', 50), new string('y', 50)));
        Assert.DoesNotContain('\u001b', text.ToString());
        Assert.All(text.ToString().Split('\n'), line => Assert.True(line.Length <= 80, line));
    }
}
