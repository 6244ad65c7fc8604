// A statistic as it should be reported: value, standard error, confidence interval, method; or why there is none.
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SarSynth.Radar.Statistics;

/// <summary>
/// An estimated quantity with its uncertainty. Where it cannot be given, the numbers
/// are NaN and <see cref="Reason"/> says why.
/// </summary>
/// <remarks>In JSON a NaN is null, so that any reader takes it.</remarks>
public sealed record Estimate
{
    /// <summary>The normal quantile of the two-sided 95 % interval.</summary>
    internal const double Z95 = 1.959963984540054;

    /// <summary>The estimate; NaN when <see cref="Reason"/> is set.</summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public double Value { get; init; } = double.NaN;

    /// <summary>
    /// Standard error of the estimate (one standard deviation of its sampling law); NaN when not known.
    /// </summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public double StandardError { get; init; } = double.NaN;

    /// <summary>Lower end of the 95 % confidence interval; NaN when not known.</summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public double Lower { get; init; } = double.NaN;

    /// <summary>Upper end of the 95 % confidence interval; NaN when not known.</summary>
    [JsonConverter(typeof(NaNAsNullConverter))]
    public double Upper { get; init; } = double.NaN;

    /// <summary>Number of values that the estimate rests on.</summary>
    public long Samples { get; init; }

    /// <summary>The method and its source.</summary>
    public string Method { get; init; } = "";

    /// <summary>Why there is no value, or what limits it; null when there is nothing to say.</summary>
    public string? Reason { get; init; }

    /// <summary>Whether there is a value.</summary>
    [JsonIgnore]
    public bool IsDefined => !double.IsNaN(Value);

    /// <summary>An estimate with a symmetric (normal) 95 % interval.</summary>
    /// <param name="value">The estimate.</param>
    /// <param name="standardError">Its standard error, not negative.</param>
    /// <param name="samples">Values that it rests on.</param>
    /// <param name="method">Method and source.</param>
    public static Estimate Normal(double value, double standardError, long samples, string method) => new()
    {
        Value = value,
        StandardError = standardError,
        Lower = value - Z95 * standardError,
        Upper = value + Z95 * standardError,
        Samples = samples,
        Method = method,
    };

    /// <summary>An estimate of a positive quantity: the 95 % interval is symmetric in its logarithm.</summary>
    /// <inheritdoc cref="Normal"/>
    public static Estimate Positive(double value, double standardError, long samples, string method)
    {
        double ratio = Math.Exp(Z95 * standardError / value);
        return Normal(value, standardError, samples, method) with { Lower = value / ratio, Upper = value * ratio };
    }

    /// <summary>No value, and why.</summary>
    /// <param name="reason">What is missing or degenerate.</param>
    /// <param name="samples">Values that were there.</param>
    /// <param name="method">Method and source.</param>
    public static Estimate Undefined(string reason, long samples, string method) =>
        new() { Reason = reason, Samples = samples, Method = method };

    /// <inheritdoc/>
    public override string ToString() => IsDefined
        ? FormattableString.Invariant($"{Value:G5} ± {StandardError:G2} [{Lower:G4}, {Upper:G4}]")
        : $"undefined: {Reason}";
}

/// <summary>Writes NaN as null and reads null as NaN; infinities as the strings "Infinity" and "-Infinity".</summary>
internal sealed class NaNAsNullConverter : JsonConverter<double>
{
    public override bool HandleNull => true;

    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType switch
        {
            JsonTokenType.Null => double.NaN,
            JsonTokenType.String => reader.GetString() switch
            {
                "Infinity" => double.PositiveInfinity,
                "-Infinity" => double.NegativeInfinity,
                var other => throw new JsonException($"Expected a number, null, "
                    + $"\"Infinity\" or \"-Infinity\", found \"{other}\"."),
            },
            _ => reader.GetDouble(),
        };

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
    {
        if (double.IsNaN(value))
            writer.WriteNullValue();
        else if (double.IsInfinity(value))
            writer.WriteStringValue(value > 0 ? "Infinity" : "-Infinity");
        else
            writer.WriteNumberValue(value);
    }
}
