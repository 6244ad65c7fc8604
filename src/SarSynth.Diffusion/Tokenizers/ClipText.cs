// Text cleaning and word splitting of CLIP's tokenizer, as transformers' slow CLIPTokenizer does it without ftfy.
using System.Globalization;
using System.Text;

namespace SarSynth.Diffusion.Tokenizers;

/// <summary>From a prompt to the words that byte-pair encoding works on.</summary>
internal static class ClipText
{
    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    /// <summary>Cleaned, NFC, lower-cased text with single spaces; CJK ideographs stand alone.</summary>
    public static string Clean(string text)
    {
        var cleaned = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsSpace(rune))
                cleaned.Append(' ');
            else if (rune.Value is 0 or 0xFFFD || IsControl(rune))
                continue;
            else if (IsIdeograph(rune.Value))
                cleaned.Append(' ').Append(rune.ToString()).Append(' ');
            else
                cleaned.Append(rune.ToString());
        }
        var words = UnicodeNfc.Normalize(cleaned.ToString())
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return string.Join(' ', words.Select(Lower));
    }

    /// <summary>Words, contractions, single digits and runs of other signs, in order.</summary>
    /// <param name="text">Text that <see cref="Clean"/> made.</param>
    public static IEnumerable<string> Words(string text)
    {
        int at = 0;
        while (at < text.Length)
        {
            if (Contractions.FirstOrDefault(c =>
                string.CompareOrdinal(text, at, c, 0, c.Length) == 0) is { } contraction)
            {
                yield return contraction;
                at += contraction.Length;
                continue;
            }
            var kind = KindAt(text, at, out int length);
            int start = at;
            at += length;
            // A digit is a word of its own; letters and other signs run on.
            while (kind is Kind.Letter or Kind.Other && at < text.Length && KindAt(text, at, out length) == kind)
                at += length;
            if (kind != Kind.Space)
                yield return text[start..at];
        }
    }

    /// <summary>
    /// Lower case with the two rules of Unicode that are not one character to one: dotted capital I, final sigma.
    /// </summary>
    public static string Lower(string word)
    {
        var lower = word.ToLowerInvariant();
        if (word.Contains('\u0130'))
            lower = lower.Replace("\u0130", "i\u0307", StringComparison.Ordinal);
        if (!word.Contains('\u03A3'))
            return lower;
        var chars = word.ToCharArray();
        for (int i = 0; i < chars.Length; i++)
            if (chars[i] == '\u03A3' && i > 0 && char.IsLetter(chars[i - 1])
                && (i + 1 == chars.Length || !char.IsLetter(chars[i + 1])))
                chars[i] = '\u03C2';
        return new string(chars).ToLowerInvariant().Replace("\u0130", "i\u0307", StringComparison.Ordinal);
    }

    private enum Kind { Space, Letter, Number, Other }

    private static Kind KindAt(string text, int at, out int length)
    {
        Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out length);
        return IsSpace(rune) ? Kind.Space : Rune.IsLetter(rune) ? Kind.Letter : IsNumber(rune) ? Kind.Number
            : Kind.Other;
    }

    private static bool IsSpace(Rune rune) => Rune.IsWhiteSpace(rune) && rune.Value != 0x85
        && rune.Value is not (0x0B or 0x0C);

    private static bool IsNumber(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
            or UnicodeCategory.OtherNumber;

    private static bool IsControl(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
            or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned;

    private static bool IsIdeograph(int code) =>
        code is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF)
            or (>= 0x2A700 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
