//! What shells and `man` read about the command line. Needs no configuration.

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

use super::report::text;

/// The file with which a shell completes what is typed.
pub(super) fn completions(mut command: Command, shell: Shell) -> Result<(), String> {
    let mut file = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut file);
    text(&String::from_utf8_lossy(&file))
}

/// One page of the manual, with a section for each command.
pub(super) fn man(mut command: Command) -> Result<(), String> {
    command.build();
    let mut page = Vec::new();
    render(&command, &mut page).map_err(|error| error.to_string())?;
    text(&String::from_utf8_lossy(&page))
}

fn render(command: &Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    let man = Man::new(command.clone()).section("8");
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    for command in commands_of(command) {
        let mut part = Vec::new();
        let man = Man::new(command.clone());
        man.render_description_section(&mut part)?;
        man.render_synopsis_section(&mut part)?;
        if command.get_arguments().next().is_some() {
            man.render_options_section(&mut part)?;
        }
        let name = command.get_bin_name().unwrap_or_default().to_uppercase().replace('-', "\\-");
        let part = String::from_utf8_lossy(&part).replace("\n.SH ", "\n.SS ");
        let part = part.strip_prefix(".SH ").map(|rest| format!(".SS {rest}")).unwrap_or(part);
        page.extend(format!(".SH \"{name}\"\n{part}").into_bytes());
    }
    page.extend_from_slice(ENVIRONMENT.as_bytes());
    Ok(())
}

/// What no command says of itself.
const ENVIRONMENT: &str = ".SH ENVIRONMENT\nEvery setting is a variable, also in a file .env of the current folder. \\fBgatehouse \
    settings \\-\\-page\\fR says all about them, and \\fBgatehouse check\\-config\\fR what is wrong with them.\n.SH \"EXIT STATUS\"\n0; 1 with a line \
    on standard error for each mistake; 2 for arguments that are not known, and of a drill that could not be run; 141 when the reader of the output has gone.\n";

/// The commands that do something, in the order of the help.
fn commands_of(command: &Command) -> Vec<&Command> {
    let below =
        command.get_subcommands().filter(|command| command.get_name() != "help" && !command.is_hide_set());
    below
        .flat_map(|command| match command.has_subcommands() {
            true => commands_of(command),
            false => vec![command],
        })
        .collect()
}
