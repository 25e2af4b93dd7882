//! `recipe`: what decided an output, in TOML or in words.

use laion_fmri::extract::Recipe;
use serde_json::Value;

use crate::args::extract::RecipeAction;
use crate::context::Context;
use crate::exit::Status;
use crate::output;

pub(in crate::commands) fn recipe(
    context: &Context,
    action: &RecipeAction,
) -> anyhow::Result<Status> {
    match action {
        RecipeAction::Show(args) => {
            let recipe = Recipe::read(&args.recipe)?;
            let text = recipe.to_toml();
            output::print_lines([text.trim_end().to_owned()])?;
        }
        RecipeAction::Methods(args) => {
            output::print_lines([Recipe::read(&args.recipe)?.methods()])?;
        }
        RecipeAction::Cite(args) => {
            output::print_lines([Recipe::read(&args.recipe)?.citation().to_owned()])?;
        }
        RecipeAction::Diff(args) => {
            let (one, other) = (Recipe::read(&args.one)?, Recipe::read(&args.other)?);
            let (name, other_name) = (args.one.display(), args.other.display());
            let differences =
                one.differences_named(&name.to_string(), &other, &other_name.to_string());
            let is_equal = differences.is_empty();
            output::print_lines(differences.into_iter().map(|difference| {
                if context.global.json {
                    let field = ("difference".to_owned(), Value::String(difference));
                    output::json_line("recipe-difference", [field])
                } else {
                    difference
                }
            }))?;
            return Ok(if is_equal { Status::Done } else { Status::Failed });
        }
    }
    Ok(Status::Done)
}
