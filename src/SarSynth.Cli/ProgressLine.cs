// How far the work is, on standard error: one line that changes on a terminal, a plain one every 30 s elsewhere.
// Spectre has a Progress of its own; ours is the one that all rooms tell.
global using Progress = SarSynth.Data.Progress;
using SarSynth.Data;

namespace SarSynth.Cli;

/// <summary>What both displays say of a piece of work.</summary>
/// <param name="what">What is done.</param>
/// <param name="clock">The clock.</param>
internal abstract class ProgressLine(string what, TimeProvider clock) : IProgressDisplay
{
    private static int drawn;

    private readonly long begun = clock.GetTimestamp();

    /// <summary>Shows progress as standard error allows; called once, by the program.</summary>
    /// <param name="quiet">Whether nothing is shown.</param>
    public static void Install(bool quiet) => Progress.Display = quiet ? null
        : Console.IsErrorRedirected || !Environment.UserInteractive
            ? what => new PlainProgress(what, Console.Error, TimeProvider.System)
            : what => new TerminalProgress(what, TimeProvider.System);

    /// <summary>Wipes the line that changes, so that another can be written.</summary>
    public static void Clear()
    {
        if (Interlocked.Exchange(ref drawn, 0) is > 0 and var length)
            Console.Error.Write($"\r{new string(' ', length)}\r");
    }

    public abstract void At(double share, string note);

    public virtual void End(bool done) => Clear();

    /// <summary>"translating: 34 %, scene 2, 1 min 5 s, about 2 min 6 s left".</summary>
    protected string Sentence(double share, string note)
    {
        var elapsed = clock.GetElapsedTime(begun);
        var left = share is > 0.01 and < 1 ? $", about {Text.Time(elapsed * ((1 - share) / share))} left" : "";
        var doing = note.Length > 0 ? ", " + note : "";
        return $"{what}: {Math.Floor(100 * share):F0} %{doing}, {Text.Time(elapsed)}{left}";
    }

    protected static void Draw(string line)
    {
        var before = Interlocked.Exchange(ref drawn, line.Length);
        Console.Error.Write($"\r{line.PadRight(before)}");
    }
}

/// <summary>One line that changes where it stands.</summary>
internal sealed class TerminalProgress(string what, TimeProvider clock) : ProgressLine(what, clock)
{
    public override void At(double share, string note)
    {
        var line = Sentence(share, note);
        var width = Width();
        Draw(line.Length <= width ? line : line[..Math.Max(0, width - 1)] + "…");
    }

    private static int Width()
    {
        try
        {
            return Console.WindowWidth > 0 ? Console.WindowWidth - 1 : 79;
        }
        catch (IOException)
        {
            return 79;
        }
    }
}

/// <summary>A line of its own every 30 s, also while a long step tells nothing: for logs and other programs.</summary>
internal sealed class PlainProgress : ProgressLine
{
    /// <summary>Between two lines.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly TextWriter writer;
    private readonly ITimer timer;
    private readonly Lock gate = new();
    private (double Share, string Note) last = (0, "");

    public PlainProgress(string what, TextWriter writer, TimeProvider clock)
        : base(what, clock)
    {
        this.writer = writer;
        timer = clock.CreateTimer(_ => Tell(), null, Interval, Interval);
    }

    public override void At(double share, string note)
    {
        lock (gate)
            last = (share, note);
    }

    public override void End(bool done) => timer.Dispose();

    private void Tell()
    {
        lock (gate)
            writer.WriteLine(Sentence(last.Share, last.Note));
    }
}
