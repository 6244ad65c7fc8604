// What became of an answer in a notebook's exercise: asked for, right, or not yet with a hint.
using System.Globalization;

namespace SarSynth.Figures;

/// <summary>A reader's answer, judged where it stands.</summary>
/// <param name="Name">What was asked, as "1: looks".</param>
/// <param name="IsRight">Whether the answer is right; null where none was given yet.</param>
/// <param name="Words">What was found, and a hint; empty where it is right.</param>
public sealed record Exercise(string Name, bool? IsRight, string Words)
{
    /// <summary>Judges a number.</summary>
    /// <param name="name">What was asked.</param>
    /// <param name="answer">The reader's; null where it is still to be given.</param>
    /// <param name="expected">The right one.</param>
    /// <param name="within">How far it may be off, in its unit; 0 or more.</param>
    /// <param name="hint">What helps a reader whose answer is wrong.</param>
    /// <exception cref="ArgumentException">No number is right, so that no answer could be.</exception>
    public static Exercise Number(string name, double? answer, double expected, double within, string hint)
    {
        if (!double.IsFinite(expected) || !(within >= 0))
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"exercise '{name}': found "
                + $"{expected} ± {within}, expected a number and how far an answer may be off."));
        return answer is not { } number ? new(name, null, "")
            : Math.Abs(number - expected) <= within ? new(name, true, "")
            : new(name, false, string.Create(CultureInfo.InvariantCulture, $"{number:G4} is not it. {hint}"));
    }

    /// <summary>Judges a name; case and blanks around it do not matter.</summary>
    /// <param name="name">What was asked.</param>
    /// <param name="answer">The reader's; null or empty where it is still to be given.</param>
    /// <param name="expected">The right one.</param>
    /// <param name="hint">What helps a reader whose answer is wrong.</param>
    /// <exception cref="ArgumentException">No name is right.</exception>
    public static Exercise Choice(string name, string? answer, string expected, string hint)
    {
        if (expected.Trim().Length == 0)
            throw new ArgumentException($"exercise '{name}': found no right answer, expected one.");
        return string.IsNullOrWhiteSpace(answer) ? new(name, null, "")
            : answer.Trim().Equals(expected.Trim(), StringComparison.OrdinalIgnoreCase) ? new(name, true, "")
            : new(name, false, $"'{answer.Trim()}' is not it. {hint}");
    }

    /// <summary>What became of it, as a piece of a page.</summary>
    public string ToHtml()
    {
        var colour = IsRight switch { true => "#009e73", false => "#d55e00", null => Theme.Quiet };
        return $"<div style=\"border-left:4px solid {colour};padding:2px 10px;font-family:{Theme.Fonts}\">"
            + $"{Report.Encode(ToString())}</div>";
    }

    /// <summary>What became of it, in words.</summary>
    public override string ToString() => IsRight switch
    {
        true => $"Exercise {Name}: right.",
        false => $"Exercise {Name}: not yet. {Words}",
        null => $"Exercise {Name}: your turn. Put an answer in and run the cell.",
    };
}
