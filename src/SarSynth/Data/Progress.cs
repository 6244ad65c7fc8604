// How far long work is: whoever does it says so here, and whoever watches (a notebook, the command line) shows it.
namespace SarSynth.Data;

/// <summary>Shows how far one piece of work is.</summary>
public interface IProgressDisplay
{
    /// <summary>Shows where the work is; called some ten times a second at most.</summary>
    /// <param name="share">The share that is done, 0 to 1.</param>
    /// <param name="note">What is being done right now; may be empty.</param>
    void At(double share, string note);

    /// <summary>The work has ended; nothing more is told.</summary>
    /// <param name="done">Whether all of it was done; else an error or an interrupt ended it.</param>
    void End(bool done);
}

/// <summary>
/// The progress of a piece of work, shown by <see cref="Display"/>. Work that begins inside other work is a part of it.
/// </summary>
/// <remarks>
/// A long verb writes <c>using var progress = Progress.Begin("translating");</c> and <c>progress.At(share)</c> as it
/// goes, 1 at the end; its callers pass nothing through. What is disposed of before 1 was broken off. Members may be
/// called from several threads.
/// </remarks>
public sealed class Progress : IDisposable
{
    /// <summary>News that comes sooner than this after what was shown is not shown, unless it is the end.</summary>
    internal static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);

    private static readonly AsyncLocal<Progress?> current = new();

    private readonly Lock gate;
    private readonly string what;
    private readonly Progress? outer;
    private readonly IProgressDisplay? display;
    private readonly double from, to;
    private double share, until;
    private string note = "";
    private string? waiting;
    private long? shown;
    private bool ended;

    private Progress(string what, Progress? outer)
    {
        (this.what, this.outer) = (what, outer);
        if (outer is null)
        {
            (gate, from, to) = (new Lock(), 0, 1);
            display = Display?.Invoke(what);
        }
        else
            (gate, from, to) = (outer.gate, outer.share, Math.Max(outer.share, outer.until));
    }

    /// <summary>
    /// Makes what shows a piece of work, from its name ("translating"); null, or one that gives null, shows nothing.
    /// </summary>
    public static Func<string, IProgressDisplay?>? Display { get; set; }

    /// <summary>The clock that paces what is shown.</summary>
    internal static TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>
    /// Begins a piece of work. Inside other work of the same flow of control it is a part of that: from the share where
    /// that is to the end of its <see cref="Part"/>.
    /// </summary>
    /// <param name="what">What is done, as "translating".</param>
    /// <returns>To be disposed of when the work ends, however it ends.</returns>
    public static Progress Begin(string what)
    {
        var outer = current.Value;
        while (outer is { ended: true })
            outer = outer.outer;
        return current.Value = new Progress(what, outer);
    }

    /// <summary>Goes through things, each an equal part of one piece of work.</summary>
    /// <param name="what">What is done with them, as "translating".</param>
    /// <param name="items">The things.</param>
    /// <param name="note">The name of one, shown while it is worked on; null for its number.</param>
    public static IEnumerable<T> Over<T>(string what, IReadOnlyList<T> items, Func<T, string>? note = null)
    {
        using var progress = Begin(what);
        foreach (var (i, item) in items.Index())
        {
            progress.Part((i + 1.0) / items.Count, note?.Invoke(item) ?? $"{i + 1} of {items.Count}");
            yield return item;
        }
        progress.At(1);
    }

    /// <summary>Says where the work is.</summary>
    /// <param name="share">The share that is done, 0 to 1; values outside are taken as the nearer end.</param>
    /// <param name="note">What is being done right now; may be empty.</param>
    /// <exception cref="ArgumentException"><paramref name="share"/> is NaN.</exception>
    public void At(double share, string note = "") => Set(share, share, note);

    /// <summary>Says that the last part is over and another begins: work that is begun now is that part.</summary>
    /// <param name="until">The share that will be done when the part is, 0 to 1.</param>
    /// <param name="note">What the part is; may be empty.</param>
    /// <exception cref="ArgumentException"><paramref name="until"/> is NaN.</exception>
    public void Part(double until, string note = "") => Set(this.until, until, note);

    /// <summary>Ends the work; it was broken off when <see cref="At"/> did not tell 1 before.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (ended)
                return;
            ended = true;
            if (current.Value == this)
                current.Value = outer;
            if (display is null)
                return;
            if (waiting is { } words)
                display.At(share, words);
            display.End(share >= 1);
        }
    }

    private void Set(double share, double until, string note)
    {
        if (double.IsNaN(share) || double.IsNaN(until))
            throw new ArgumentException($"'{what}': found NaN, expected a share, 0 to 1.", nameof(share));
        lock (gate)
        {
            if (ended)
                return;
            (this.share, this.until, this.note) = (Math.Clamp(share, 0, 1), Math.Clamp(until, 0, 1), note);
            Tell(note);
        }
    }

    private void Tell(string words)
    {
        if (outer is null)
            Show(words);
        else if (!outer.ended)
        {
            // A part of no length, begun where the outer work told of no part, says in words how far it is.
            if (to > from)
                outer.share = from + share * (to - from);
            else
                words = $"{what} {Math.Floor(100 * share):F0} %";
            outer.Tell(string.Join(", ", new[] { outer.note, words }.Where(w => w.Length > 0)));
        }
    }

    private void Show(string words)
    {
        if (display is null)
            return;
        var now = Time.GetTimestamp();
        if (share < 1 && shown is { } last && Time.GetElapsedTime(last, now) < Pace)
        {
            waiting = words;
            return;
        }
        (shown, waiting) = (now, null);
        display.At(share, words);
    }
}
