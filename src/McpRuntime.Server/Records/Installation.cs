using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>What is settled once for the whole installation, by whichever process is first.</summary>
internal sealed class Installation(Database database, MasterKey masterKey, TimeProvider time)
{
    private string? _id;

    /// <summary>In every label we set. It never changes, so it is read once a process.</summary>
    public async Task<string> IdAsync(CancellationToken ct) => _id ??= await PinAsync("instance_id", RecordId.New(time.GetUtcNow()), ct);

    /// <summary>Sets the value if there is none, and gives the one that stands.</summary>
    public async Task<string> PinAsync(string key, string value, CancellationToken ct)
    {
        if (await ReadAsync(key, ct) is { } pinned)
        {
            return pinned;
        }

        await database.WriteAsync(
            (db, stop) => db.Database.ExecuteSqlAsync($"INSERT INTO settings (key, value) VALUES ({key}, {value}) ON CONFLICT DO NOTHING", stop),
            ct);
        return await ReadAsync(key, ct) ?? value;
    }

    /// <exception cref="InvalidOperationException">This database was sealed under another master key.</exception>
    public async Task CheckMasterKeyAsync(CancellationToken ct)
    {
        var check = masterKey.Hash("check").Of("master key");
        if (await PinAsync("master_key_check", check, ct) != check)
        {
            throw new InvalidOperationException(
                "RUNTIME_MASTER_KEY: this database's secrets were sealed under another master key. Give the service the key it was set up with.");
        }
    }

    private Task<string?> ReadAsync(string key, CancellationToken ct) =>
        database.ReadAsync((db, stop) => db.Settings.Where(row => row.Key == key).Select(row => row.Value).FirstOrDefaultAsync(stop), ct);
}
