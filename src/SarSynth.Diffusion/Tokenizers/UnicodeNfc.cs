// Unicode canonical composition (NFC). .NET leaves text as it is when it runs without ICU (invariant globalization),
// and a tokenizer must give the same ids on every machine. Table: make_nfc_table.py beside this file.
using System.Globalization;
using System.Text;

namespace SarSynth.Diffusion.Tokenizers;

/// <summary>Unicode normalization form C, independent of the system's ICU.</summary>
/// <remarks>Unicode Standard Annex 15; tables of Unicode 14.</remarks>
internal static class UnicodeNfc
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TailBase = 0x11A7;
    private const int LeadCount = 19, VowelCount = 21, TailCount = 28;

    private static readonly Dictionary<(int Base, int Mark), int> Composites = [];
    private static readonly Dictionary<int, (int First, int Second)> Decompositions = [];
    private static readonly Dictionary<int, int> CombiningClasses = [];

    static UnicodeNfc()
    {
        using var stream = typeof(UnicodeNfc)
            .Assembly.GetManifestResourceStream("SarSynth.Diffusion.Tokenizers.nfc.txt")!;
        using var reader = new StreamReader(stream, Encoding.ASCII);
        while (reader.ReadLine() is { } line)
        {
            var part = line.Split(' ');
            switch (part[0])
            {
                case "C":
                    Composites[(Hex(part[1]), Hex(part[2]))] = Hex(part[3]);
                    Decompositions[Hex(part[3])] = (Hex(part[1]), Hex(part[2]));
                    break;
                case "D":
                    Decompositions[Hex(part[1])] = (Hex(part[2]), part.Length > 3 ? Hex(part[3]) : -1);
                    break;
                default:
                    for (int code = Hex(part[2]); code <= Hex(part[3]); code++)
                        CombiningClasses[code] = int.Parse(part[1], CultureInfo.InvariantCulture);
                    break;
            }
        }
    }

    /// <summary>The canonical composition of <paramref name="text"/>; a lone surrogate becomes U+FFFD.</summary>
    public static string Normalize(string text)
    {
        if (text.All(c => c < 0x300))
            return text;
        var codes = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
            Decompose(rune.Value, codes);
        Reorder(codes);
        var composed = new StringBuilder(text.Length);
        foreach (int code in Compose(codes))
            composed.Append(new Rune(code).ToString());
        return composed.ToString();
    }

    private static void Decompose(int code, List<int> into)
    {
        int syllable = code - HangulBase;
        if (syllable is >= 0 and < LeadCount * VowelCount * TailCount)
        {
            into.Add(LeadBase + syllable / (VowelCount * TailCount));
            into.Add(VowelBase + syllable % (VowelCount * TailCount) / TailCount);
            if (syllable % TailCount != 0)
                into.Add(TailBase + syllable % TailCount);
        }
        else if (Decompositions.TryGetValue(code, out var pair))
        {
            Decompose(pair.First, into);
            if (pair.Second >= 0)
                Decompose(pair.Second, into);
        }
        else
        {
            into.Add(code);
        }
    }

    private static void Reorder(List<int> codes)
    {
        for (int i = 1; i < codes.Count; i++)
        {
            int kind = Class(codes[i]);
            for (int j = i; kind != 0 && j > 0 && Class(codes[j - 1]) > kind; j--)
                (codes[j - 1], codes[j]) = (codes[j], codes[j - 1]);
        }
    }

    private static List<int> Compose(List<int> codes)
    {
        var result = new List<int>(codes.Count);
        int starter = -1;
        foreach (int code in codes)
        {
            int kind = Class(code);
            bool blocked = starter >= 0 && starter < result.Count - 1
                && (Class(result[^1]) >= kind || Class(result[^1]) == 0);
            if (starter >= 0 && !blocked && Pair(result[starter], code) is { } composite)
            {
                result[starter] = composite;
                continue;
            }
            result.Add(code);
            if (kind == 0)
                starter = result.Count - 1;
        }
        return result;
    }

    private static int? Pair(int first, int second)
    {
        int lead = first - LeadBase, vowel = second - VowelBase;
        if (lead is >= 0 and < LeadCount && vowel is >= 0 and < VowelCount)
            return HangulBase + (lead * VowelCount + vowel) * TailCount;
        int syllable = first - HangulBase, tail = second - TailBase;
        if (syllable is >= 0 and < LeadCount * VowelCount * TailCount && syllable % TailCount == 0
            && tail is > 0 and < TailCount)
            return first + tail;
        return Composites.TryGetValue((first, second), out int composite) ? composite : null;
    }

    private static int Class(int code) => CombiningClasses.GetValueOrDefault(code);

    private static int Hex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
