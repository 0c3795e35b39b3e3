package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pocctl/pocctl/internal/config"
)

// tokenAnswer is an access token, as JSON.
type tokenAnswer struct {
	Schema      string     `json:"schema"` // pocctl.token/v1
	AccessToken string     `json:"access_token"`
	TokenType   string     `json:"token_type"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"` // absent for one that does not end
	Role        string     `json:"role"`
	Issuer      string     `json:"issuer"`
}

func (a *app) token() *cobra.Command {
	role := config.RoleEditor
	command := &cobra.Command{
		Use:   "token",
		Short: "Print an access token for the environment's service",
		Long: `Asks the environment's issuer for an access token, as the client that has the
role, and prints it. A viewer may place orders, an editor change products too, and
an admin see and do everything. The token is kept nowhere.`,
		GroupID: groupLook,
		Example: `  curl -H "Authorization: Bearer $(pocctl token)" http://127.0.0.1:8080/api/v1/me
  TOKEN=$(pocctl token --as admin)
  pocctl token --as viewer -o json`,
		Args: noArguments,
		RunE: func(command *cobra.Command, _ []string) error {
			s, _, err := a.stack()
			if err != nil {
				return err
			}
			got, err := s.Token(command.Context(), role)
			if err != nil {
				return err
			}
			answer := tokenAnswer{
				Schema: "pocctl.token/v1", AccessToken: got.AccessToken, TokenType: got.Type(), Role: role, Issuer: s.Issuer(),
			}
			if !got.Expiry.IsZero() {
				ends := got.Expiry.UTC().Truncate(time.Second)
				answer.ExpiresAt = &ends
			}
			return a.answer(answer, func() error {
				if _, err := fmt.Fprintln(a.Stdout, answer.AccessToken); err != nil {
					return fmt.Errorf("write the token: %w", err)
				}
				return nil
			})
		},
	}
	command.Flags().Var(&choice{&role, config.Roles()}, "as", "what the token is good for: `viewer|editor|admin`")
	complete(command, "as", cobra.ShellCompDirectiveNoFileComp, config.Roles)
	return command
}
