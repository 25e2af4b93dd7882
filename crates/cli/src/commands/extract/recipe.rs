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
            let text = match context.global.json {
                true => json_of("recipe", serde_json::to_value(&recipe)?),
                false => recipe.to_toml().trim_end().to_owned(),
            };
            output::print_lines([text])?;
        }
        RecipeAction::Methods(args) => {
            let text = Recipe::read(&args.recipe)?.methods();
            output::print_lines([plain_or_json(context, "recipe-methods", text)])?;
        }
        RecipeAction::Cite(args) => {
            let text = Recipe::read(&args.recipe)?.citation().to_owned();
            output::print_lines([plain_or_json(context, "recipe-citation", text)])?;
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

/// An object with its schema first.
fn json_of(schema: &str, value: Value) -> String {
    match value {
        Value::Object(fields) => output::json_line(schema, fields),
        other => output::json_line(schema, [("value".to_owned(), other)]),
    }
}

fn plain_or_json(context: &Context, schema: &str, text: String) -> String {
    if !context.global.json {
        return text;
    }
    output::json_line(schema, [("text".to_owned(), Value::String(text))])
}
