namespace McpRuntime.Core.Specs.Rules;

/// <summary>How it is shown and to whom: visibility, team, tags, metadata.</summary>
internal sealed class ListingRule : IAdmissionRule
{
    public const int MostTags = 64;

    public const int LongestTag = 64;

    public const int MostMetadata = 64;

    public const int LongestMetadataKey = 128;

    public const int LongestMetadataValue = 4096;

    public void Apply(AdmissionDraft draft)
    {
        Audience(draft);
        Tags(draft);
        Metadata(draft);
    }

    private static void Audience(AdmissionDraft draft)
    {
        var team = draft.Request.TeamId;
        if (team is not null && (team.Length is 0 or > 128 || !team.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')))
        {
            draft.Wrong("team_id", "is letters, digits, \".\", \"_\" and \"-\", at most 128");
        }
        else if (team is not null && !draft.Context.Caller.IsAdmin && !draft.Context.Caller.Teams.Contains(team, StringComparer.Ordinal))
        {
            draft.Forbid("team_id", $"you are not in the team {team}");
        }

        switch (draft.Request.Visibility)
        {
            case null or "public":
                draft.Visibility = Visibility.Public;
                break;
            case "team":
                draft.Visibility = Visibility.Team;
                break;
            case "private":
                draft.Visibility = Visibility.Private;
                break;
            default:
                draft.Wrong("visibility", $"{Quoted.Of(draft.Request.Visibility)} is not a visibility: public, team or private");
                break;
        }

        if (draft.Visibility == Visibility.Team && team is null)
        {
            draft.Wrong("team_id", "is missing: visibility \"team\" needs the team");
        }
    }

    private static void Tags(AdmissionDraft draft)
    {
        if (draft.Request.Tags is not { } tags)
        {
            return;
        }

        if (tags.Count > MostTags)
        {
            draft.Wrong("tags", $"has {tags.Count} tags; at most {MostTags} are allowed");
        }
        else if (tags.Any(tag => tag is null || tag.Length is 0 or > LongestTag || tag.Any(char.IsControl)))
        {
            draft.Wrong("tags", $"a tag has 1 to {LongestTag} characters, none of them a control character");
        }
        else
        {
            draft.Tags = [.. tags.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        }
    }

    private static void Metadata(AdmissionDraft draft)
    {
        if (draft.Request.Metadata is not { } metadata)
        {
            return;
        }

        if (metadata.Count > MostMetadata)
        {
            draft.Wrong("metadata", $"has {metadata.Count} keys; at most {MostMetadata} are allowed");
            return;
        }

        foreach (var (key, value) in metadata)
        {
            if (key.Length is 0 or > LongestMetadataKey || key.Any(char.IsControl))
            {
                draft.Wrong("metadata", $"{Quoted.Of(key)}: a key has 1 to {LongestMetadataKey} characters, none of them a control character");
            }
            else if (value is null || value.Length > LongestMetadataValue || value.Contains('\0', StringComparison.Ordinal))
            {
                draft.Wrong("metadata", $"{Quoted.Of(key)}: a value is text of at most {LongestMetadataValue} characters, without NUL");
            }
            else
            {
                draft.Metadata[key] = value;
            }
        }
    }
}
