// Airfields, harbours and railways.
namespace SarSynth.Radar.Simulation;

/// <summary>The layers of transport.</summary>
internal static class TransportLayers
{
    /// <summary>Runway, taxiway, apron, hangars, aircraft, fence.</summary>
    public static void Airfield(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        RuralLayers.Meadow(canvas);
        double angle = random.Uniform(0, Math.PI), size = Math.Min(canvas.Width, canvas.Tall);
        (double sin, double cos) = Math.SinCos(angle);
        double x = canvas.Width / 2, y = canvas.Tall / 2, far = canvas.Width + canvas.Tall;
        double runway = Math.Min(22.5, size * 0.09), taxi = runway * 0.5,
            apart = Math.Clamp(size * 0.28, runway * 2.2, 160), shift = random.Uniform(-0.4, -0.1) * size;
        (double X, double Y) P(double u, double v) => (x + u * cos - v * sin, y + u * sin + v * cos);
        var surface = random.Chance(0.5) ? LandCover.Concrete : LandCover.Asphalt;
        Strip(canvas, P(0, shift), far, runway, angle, surface);
        canvas.Name("runway", P(0, shift).X, P(0, shift).Y);
        Strip(canvas, P(0, shift + apart), far, taxi, angle, LandCover.Asphalt);
        canvas.Name("taxiway", P(0, shift + apart).X, P(0, shift + apart).Y);
        for (double u = -far / 2 + random.Uniform(0, 200); u < far / 2; u += Math.Max(180, size * 0.6))
            Strip(canvas, P(u, shift + apart / 2), apart / 2, taxi,
                angle + Math.PI / 2 + random.Choose<double>([0, 0.5, -0.5]), LandCover.Asphalt);
        for (double u = -far / 2; u < far / 2; u += 30)
        {
            foreach (double v in new[] { shift - runway - 2, shift + runway + 2 })
                canvas.AddTarget(TargetKind.Pole, P(u, v).X, P(u, v).Y, 0.2, 0.05);
        }
        double apronHalf = Math.Min(size * 0.15, 75), apronV = shift + apart + taxi + apronHalf,
            apronU = Math.Min(size * 0.38, 330);
        var (ax, ay) = P(random.Uniform(-0.1, 0.1) * size, apronV);
        canvas.LayBox(ax, ay, apronU, apronHalf, angle, LandCover.Concrete);
        canvas.Name("apron", ax, ay);
        double wing = Math.Min(random.Uniform(12, 34), size * 0.2);
        for (double u = -apronU + wing * 0.7; u < apronU - wing * 0.5; u += wing * 1.25)
        {
            if (random.Chance(0.75))
                Aircraft(canvas, ax + u * cos - 0.25 * apronHalf * sin, ay + u * sin + 0.25 * apronHalf * cos,
                    wing * random.Uniform(0.8, 1), angle + Math.PI / 2 + random.Normal() * 0.05);
        }
        for (double u = -apronU; u < apronU; u += 50)
        {
            var (hx, hy) = (ax + u * cos - (apronHalf + 0.1 * Math.Min(size, 400)) * sin,
                ay + u * sin + (apronHalf + 0.1 * Math.Min(size, 400)) * cos);
            if (random.Chance(0.75) && canvas.Inside(hx, hy))
            {
                canvas.Building(hx, hy, random.Uniform(14, 22), Math.Min(16, size * 0.08), angle, random.Uniform(7, 13),
                    random.Choose([RoofShape.Round, RoofShape.Flat, RoofShape.Gable]), 0.2);
                canvas.Name("hangar", hx, hy);
            }
        }
        canvas.Fence([P(-far / 2, shift - apart * 0.8), P(far / 2, shift - apart * 0.8)]);
        for (int k = 0; k < 3; k++)
        {
            var (cx, cy) = P(random.Uniform(-0.35, 0.35) * size, shift + random.Uniform(0.3, 0.7) * apart);
            if (canvas.Inside(cx, cy) && canvas.ClassAt(cx, cy) == LandCover.Grass)
            {
                canvas.AddTarget(TargetKind.CornerReflector, cx, cy, 0.5,
                    Target.Trihedral(random.Uniform(0.3, 0.6), 0.031));
                canvas.Name("corner reflector", cx, cy);
            }
        }
    }

    /// <summary>Land with quays on one side, water with waves and ships on the other.</summary>
    public static void Harbour(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        double angle = random.Uniform(0, 2 * Math.PI), size = Math.Min(canvas.Width, canvas.Tall);
        (double sin, double cos) = Math.SinCos(angle);
        double x = canvas.Width / 2, y = canvas.Tall / 2, far = canvas.Width + canvas.Tall,
            shore = random.Uniform(-0.15, 0.2) * size;
        (double X, double Y) P(double u, double v) => (x + u * cos - v * sin, y + u * sin + v * cos);
        Sea(canvas);
        canvas.LayBox(P(0, shore - far / 2).X, P(0, shore - far / 2).Y, far, far / 2, angle, LandCover.Concrete, 1);
        Raise(canvas, P(0, shore - far / 2), far, far / 2, angle, 2.2f);
        int piers = random.Integer(0, 3);
        for (int k = 0; k < piers; k++)
        {
            double u = (k + 0.5 - piers / 2.0) * size * 0.4, length = size * random.Uniform(0.1, 0.2);
            var at = P(u, shore + length);
            canvas.LayBox(at.X, at.Y, Math.Min(9, size * 0.04), length, angle, LandCover.Concrete, 1);
            Raise(canvas, at, Math.Min(9, size * 0.04), length, angle, 2.2f);
            canvas.Name("pier", at.X, at.Y);
        }
        canvas.Name("quay", P(0, shore).X, P(0, shore).Y);
        for (double u = -far / 2; u < far / 2;)
        {
            double length = Math.Min(random.Uniform(35, 130), size * 0.45),
                beam = length * random.Uniform(0.065, 0.085);
            if (random.Chance(0.55))
                Ship(canvas, P(u + length / 2, shore + beam + 1.5), length / 2, beam,
                    angle + (random.Chance(0.5) ? Math.PI : 0));
            u += length + random.Uniform(8, 40);
        }
        for (int k = random.Integer(1, 5); k > 0; k--)
        {
            double length = Math.Min(random.Uniform(8, 80), size * 0.25);
            Ship(canvas, P(random.Uniform(-0.45, 0.45) * size, shore + random.Uniform(0.28, 0.6) * size), length / 2,
                length * 0.09, random.Uniform(0, 7));
        }
        for (double u = -far / 2; u < far / 2; u += random.Uniform(45, 90))
        {
            var crane = P(u, shore - 6);
            if (random.Chance(0.4) && canvas.Inside(crane.X, crane.Y))
            {
                for (int k = 0; k < 40; k++)
                    canvas.AddTarget(TargetKind.Pole, crane.X + random.Uniform(-5, 5), crane.Y + random.Uniform(-5, 5),
                        random.Uniform(0, 32), Math.Exp(random.Normal() + 1.5));
                canvas.Name("crane", crane.X, crane.Y);
            }
        }
        for (double v = shore - 34; v > shore - size; v -= 42)
        {
            for (double u = -far / 2; u < far / 2; u += 64)
            {
                var (bx, by) = P(u + 28, v);
                double use = random.Uniform();
                if (use < 0.35)
                {
                    canvas.Building(bx, by, 26, 13, angle, random.Uniform(6, 12) + 2.2, random.Chance(0.5)
                        ? RoofShape.Gable : RoofShape.Flat, 0.25);
                    canvas.Name("warehouse", bx, by);
                }
                else if (use < 0.75)
                {
                    for (double q = -12; q <= 12; q += 4.2)
                    {
                        for (double s = -22; s <= 22; s += 12.6)
                        {
                            if (random.Chance(0.75))
                                canvas.MetalBox(bx + s * cos - q * sin, by + s * sin + q * cos, 6.05, 1.22, angle,
                                    2.2 + 2.6 * random.Integer(1, 5), -4);
                        }
                    }
                    canvas.Name("container stack", bx, by);
                }
            }
        }
    }

    /// <summary>A line of several tracks through open or built land.</summary>
    public static void Railway(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        double angle = random.Uniform(0, Math.PI);
        if (random.Chance(0.5))
            RuralLayers.Fields(canvas, angle + 0.3);
        else
            UrbanLayers.Suburb(canvas);
        int tracks = random.Integer(2, 9);
        double half = tracks * 2.35 + 3;
        var path = canvas.Crossing(canvas.Width * random.Uniform(0.35, 0.65), canvas.Tall * random.Uniform(0.35, 0.65),
            angle, random.Uniform(0, 14));
        canvas.ForPath(path, half + 7, (i, _, _) => canvas.Lay(i, LandCover.Grass, 0.8));
        canvas.ForPath(path, half, (i, _, v) =>
        {
            canvas.Lay(i, LandCover.Gravel, -3);
            double across = (v + half - 3) % 4.7 - 2.35;
            if (Math.Abs(v) < half - 3 && Math.Abs(Math.Abs(across) - 0.72) < canvas.Spacing * 0.5)
                canvas.Classes[i] = (byte)LandCover.Rail;
        });
        canvas.Name("railway line", canvas.Width / 2, canvas.Tall / 2);
        foreach (double side in new[] { half - 1, 1 - half })
        {
            foreach (var (x, y, _) in canvas.Along(path, 55, side))
            {
                canvas.AddTarget(TargetKind.Pole, x, y, 0.6, Math.Exp(random.Normal() * 0.4 + 2.2));
                canvas.AddTarget(TargetKind.Pole, x, y, 7, Math.Exp(random.Normal() * 0.4 + 1));
                canvas.Name("catenary pole", x, y);
            }
        }
        for (int track = 0; track < tracks; track++)
        {
            double side = -half + 3 + 2.35 + track * 4.7;
            if (!random.Chance(0.35))
                continue;
            int wagon = 0, first = random.Integer(0, 12), count = random.Integer(3, 12);
            foreach (var (x, y, direction) in canvas.Along(path, 26, side))
            {
                if (wagon++ < first || wagon > first + count)
                    continue;
                canvas.MetalBox(x, y, 12.4, 1.45, direction, random.Uniform(3.4, 4.1), -1);
                for (int k = 0; k < 6; k++)
                {
                    double along = random.Uniform(-12, 12);
                    canvas.AddTarget(TargetKind.Vehicle, x + along * Math.Cos(direction),
                        y + along * Math.Sin(direction), random.Uniform(2.5, 4.2), Math.Exp(random.Normal() + 2));
                }
                if (wagon == first + 1)
                    canvas.Name("train", x, y);
            }
        }
        canvas.Fence([.. path.Select(p => (p.X - (half + 6) * Math.Sin(angle), p.Y + (half + 6) * Math.Cos(angle)))]);
    }

    /// <summary>An aircraft: fuselage, wings, tail, engines, and the corners they make.</summary>
    public static void Aircraft(SceneCanvas canvas, double x, double y, double span, double heading)
    {
        ref var random = ref canvas.Random;
        double length = span * random.Uniform(1.0, 1.15), girth = span * 0.055, chord = span * 0.09,
            sweep = random.Uniform(0.25, 0.5);
        (double sin, double cos) = Math.SinCos(heading);
        double belly = Math.Max(1, girth * 0.8);
        canvas.ForBox(x, y, length / 2, span / 2, heading, (i, u, v) =>
        {
            double a = Math.Abs(v), top = 0;
            double taper = u > length * 0.32
                ? Math.Sqrt(Math.Max(0, 1 - Math.Pow((u - length * 0.32) / (length * 0.18), 2))) : u < -length * 0.2
                ? Math.Max(0.15, 1 + (u + length * 0.2) / (length * 0.38)) : 1;
            if (a < girth * taper)
                top = belly + 2 * girth * Math.Sqrt(Math.Max(0, 1 - a * a / (girth * girth)));
            else if (Math.Abs(u - length * 0.06 + sweep * a) < chord * (1.25 - 1.7 * a / span))
                top = belly + girth * 0.6 + 0.05 * a;
            else if (a < span * 0.17 && Math.Abs(u + length * 0.43 + sweep * a) < chord * 0.5)
                top = belly + girth * 1.6;
            if (top <= 0)
                return;
            if (a < 0.5 && u < -length * 0.38)
                top += span * 0.14;
            canvas.Classes[i] = (byte)LandCover.Metal;
            canvas.Objects[i] = (float)top;
            canvas.Offsets[i] = -5;
        });
        (double U, double V)[] corners = [(0.5, 0), (0.3, 0), (0.08, 0.05), (0.08, -0.05), (0.1, 0.17), (0.1, -0.17),
            (-0.1, 0.46), (-0.1, -0.46), (-0.42, 0.02), (-0.48, 0.16), (-0.48, -0.16), (-0.2, 0)];
        foreach (var (u, v) in corners)
            canvas.AddTarget(TargetKind.Aircraft, x + u * length * cos - v * span * sin,
                y + u * length * sin + v * span * cos, belly + random.Uniform(0, girth),
                Math.Exp(random.Normal() + 1.6));
        canvas.Name("aircraft", x, y);
    }

    private static void Strip(SceneCanvas canvas, (double X, double Y) at, double half, double halfWidth, double angle,
        LandCover cover) =>
        canvas.ForBox(at.X, at.Y, half, halfWidth, angle, (i, u, v) =>
        {
            // Slabs of concrete show their joints; asphalt shows the lanes of a paver.
            double joint = cover == LandCover.Concrete && (Math.Abs(u % 7.5) < 0.3 || Math.Abs(v % 7.5) < 0.3) ? 3 : 0;
            canvas.Lay(i, cover, joint + (Math.Abs(v) > halfWidth - 1.2 ? 1.5 : 0));
        });

    private static void Raise(SceneCanvas canvas, (double X, double Y) at, double halfU, double halfV, double angle,
        float height) =>
        canvas.ForBox(at.X, at.Y, halfU, halfV, angle, (i, _, _) => canvas.Objects[i] = height);

    // A wind sea: a few long-crested waves around one direction; the tilt of their slopes is what the radar sees.
    private static void Sea(SceneCanvas canvas)
    {
        ref var random = ref canvas.Random;
        double wind = random.Uniform(0, 2 * Math.PI), height = random.Uniform(0.01, 0.16),
            offset = random.Uniform(-4, 7);
        var waves = new (double Kx, double Ky, double Amplitude, double Phase)[14];
        for (int k = 0; k < waves.Length; k++)
        {
            double length = 4.5 * Math.Exp(random.Uniform(0, 1.7)), direction = wind + random.Normal() * 0.35,
                wavenumber = 2 * Math.PI / length;
            waves[k] = (wavenumber * Math.Cos(direction), wavenumber * Math.Sin(direction),
                height * 0.35 * Math.Pow(length / 12, 0.9), random.Uniform(0, 7));
        }
        canvas.ForAll((i, x, y) =>
        {
            double lift = 0;
            foreach (var wave in waves)
                lift += wave.Amplitude * Math.Sin(wave.Kx * x + wave.Ky * y + wave.Phase);
            RuralLayers.Water(canvas, i, -0.5, lift, offset + 1.5 * canvas.Noise(x, y, 60, 12));
        });
        canvas.Name("open water", canvas.Width / 2, canvas.Tall / 2);
    }

    private static void Ship(SceneCanvas canvas, (double X, double Y) at, double half, double beam, double angle)
    {
        ref var random = ref canvas.Random;
        (double sin, double cos) = Math.SinCos(angle);
        if (!canvas.Inside(at.X, at.Y))
            return;
        double deck = Math.Clamp(half * 0.09, 1, 7), house = random.Uniform(-0.75, 0.5);
        double Hull(double u) => u > half * 0.55 ? Math.Max(0, 1 - Math.Pow((u - half * 0.55) / (half * 0.45), 2))
            : u < -half * 0.85 ? 0.85 : 1;
        bool free = true;
        canvas.ForBox(at.X, at.Y, half, beam, angle, (i, _, _) =>
            free &= (LandCover)canvas.Classes[i] == LandCover.Water);
        if (!free)
            return;
        canvas.ForBox(at.X, at.Y, half, beam, angle, (i, u, v) =>
        {
            if (Math.Abs(v) > beam * Hull(u))
                return;
            bool superstructure = Math.Abs(u / half - house) < 0.14 && Math.Abs(v) < beam * 0.75;
            canvas.Classes[i] = (byte)LandCover.Metal;
            canvas.Objects[i] =
                (float)(deck + (superstructure ? deck * 1.3 + 2 : Math.Abs(v) > beam * Hull(u) - 0.5 ? 0.9 : 0));
            canvas.Offsets[i] = superstructure ? 0 : -5;
        });
        int points = (int)Math.Clamp(half * 0.7, 4, 50);
        for (int k = 0; k < points; k++)
        {
            double u = random.Chance(0.4) ? house * half + random.Uniform(-0.14, 0.14) * half
                : random.Uniform(-0.95, 0.9) * half, v = random.Uniform(-0.9, 0.9) * beam * Hull(u);
            canvas.AddTarget(TargetKind.Ship, at.X + u * cos - v * sin, at.Y + u * sin + v * cos,
                deck * random.Uniform(0.8, 2.5), Math.Exp(random.Normal() * 1.4 + 1));
        }
        canvas.Name("ship", at.X, at.Y);
    }
}
