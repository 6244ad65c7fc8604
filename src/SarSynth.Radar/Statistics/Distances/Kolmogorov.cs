// The law of the one-sample Kolmogorov-Smirnov statistic.
namespace SarSynth.Radar.Statistics;

/// <summary>Probabilities of Kolmogorov's statistic D of n values.</summary>
public static class Kolmogorov
{
    /// <summary>P(D_n >= d) where the law was known beforehand (not fitted to the same sample).</summary>
    /// <param name="n">Sample size, at least 1.</param>
    /// <param name="d">The statistic, the largest gap between the distribution functions, in [0, 1].</param>
    /// <exception cref="ArgumentOutOfRangeException">n below 1 or d NaN.</exception>
    /// <remarks>
    /// Exact by the matrix power of Marsaglia, Tsang &amp; Wang (2003), J. Stat. Software 8(18), while the matrix is
    /// small; beyond that the limit law with the correction of Vrbik (2018), Pioneer J. Theor. Appl. Stat. 15.
    /// </remarks>
    public static double Survival(long n, double d)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        if (double.IsNaN(d))
            throw new ArgumentOutOfRangeException(nameof(d), d, "Expected a distance in [0, 1].");
        if (d <= 0.5 / n)
            return 1;
        if (d >= 1)
            return 0;
        double root = Math.Sqrt(n) * d;
        if (root > 18)
            return 0;
        int size = 2 * ((int)(n * d) + 1) - 1;
        // For large n d² the matrix method loses digits in 1 - P; the limit's own error is far below it there.
        if (size <= 75 && n <= 2000 && root * root < 4)
            return Math.Clamp(1 - MatrixPower((int)n, d, size), 0, 1);
        return LimitSurvival(root + 1 / (6 * Math.Sqrt(n)) + (root - 1) / (4.0 * n));
    }

    /// <summary>The limit law at t = sqrt(n) d: 2 sum (-1)^(k-1) exp(-2 k² t²).</summary>
    /// <param name="t">sqrt(n) times the distance.</param>
    public static double LimitSurvival(double t)
    {
        if (t < 0.2)
            return 1;
        double sum = 0, sign = 1;
        for (int k = 1; k <= 100; k++, sign = -sign)
        {
            double term = Math.Exp(-2.0 * k * k * t * t);
            sum += sign * term;
            if (term < 1e-18)
                break;
        }
        return Math.Clamp(2 * sum, 0, 1);
    }

    private static double MatrixPower(int n, double d, int m)
    {
        int k = (m + 1) / 2;
        double h = k - n * d;
        var matrix = new double[m * m];
        for (int i = 0; i < m; i++)
            for (int j = 0; j < m; j++)
                matrix[i * m + j] = i - j + 1 < 0 ? 0 : 1;
        for (int i = 0; i < m; i++)
        {
            matrix[i * m] -= Math.Pow(h, i + 1);
            matrix[(m - 1) * m + i] -= Math.Pow(h, m - i);
        }
        matrix[(m - 1) * m] += 2 * h - 1 > 0 ? Math.Pow(2 * h - 1, m) : 0;
        for (int i = 0; i < m; i++)
            for (int j = 0; j < m; j++)
                for (int g = 1; g <= i - j + 1; g++)
                    matrix[i * m + j] /= g;
        // Power by squaring; exponents of ten are kept apart so that nothing overflows.
        var result = new double[m * m];
        for (int i = 0; i < m; i++)
            result[i * m + i] = 1;
        int exponent = 0, baseExponent = 0;
        for (int power = n; power > 0; power >>= 1)
        {
            if ((power & 1) != 0)
            {
                result = Product(result, matrix, m);
                exponent += baseExponent;
                Rescale(result, m, k, ref exponent);
            }
            matrix = Product(matrix, matrix, m);
            baseExponent *= 2;
            Rescale(matrix, m, k, ref baseExponent);
        }
        double s = result[(k - 1) * m + k - 1];
        for (int i = 1; i <= n; i++)
        {
            s = s * i / n;
            if (s < 1e-140)
            {
                s *= 1e140;
                exponent -= 140;
            }
        }
        return s * Math.Pow(10, exponent);
    }

    private static void Rescale(double[] matrix, int m, int k, ref int exponent)
    {
        if (matrix[(k - 1) * m + k - 1] <= 1e140)
            return;
        for (int i = 0; i < matrix.Length; i++)
            matrix[i] *= 1e-140;
        exponent += 140;
    }

    private static double[] Product(double[] a, double[] b, int m)
    {
        var c = new double[m * m];
        for (int i = 0; i < m; i++)
            for (int l = 0; l < m; l++)
            {
                double x = a[i * m + l];
                for (int j = 0; j < m; j++)
                    c[i * m + j] += x * b[l * m + j];
            }
        return c;
    }
}
