// Numbers that stand for names, the same on every machine: Fowler, Noll and Vo's hash, FNV-1a.
namespace SarSynth.Data;

/// <summary>FNV-1a over the UTF-16 units of a name.</summary>
static class NameHash
{
    /// <summary>64 bits of a name.</summary>
    public static ulong Of(string name) =>
        name.Aggregate(14695981039346656037UL, (hash, c) => (hash ^ c) * 1099511628211);

    /// <summary>32 bits of a name and a seed, from 0 to 2^31 - 1.</summary>
    public static int Seed(int seed, string name) =>
        (int)(name.Aggregate((uint)seed ^ 2166136261, (hash, c) => (hash ^ c) * 16777619) & int.MaxValue);
}
