"""The texts of the exam, written in one go in the manner of ``bench/turn_sentences.py``.

None of them was changed or left out once anything had been decided on it. A ``|`` marks a place
where the speaker may stop to think. Some speakers correct themselves, which the other texts lack.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["HESITANT", "REPLIES_TO", "SHORT"]

HESITANT = (
    "I need directions to | the new concert hall.",
    "Could you check whether | there are any seats left for tonight?",
    "The flight number is six two | eight one five.",
    "I'd like to rent a car for | the weekend, preferably | a small one.",
    "Please add a dentist visit to my calendar on | the third of May.",
    "I'd say about | twenty minutes by bike.",
    "Why does my computer | make so much noise?",
    "Can you recommend a good place for | breakfast near the harbour?",
    "It was three thousand, no, wait, | four thousand dollars.",
    "I'm calling about the advert for | the used piano.",
    "Play the album that | we listened to last night.",
    "I was born in Dublin but | I grew up in Glasgow.",
    "How do you say thank you in | Korean?",
    "Please wake me at six, no, | at half past six tomorrow.",
    "We will be six adults and | two children.",
    "Send the report to Julia, I mean | to Juliet from accounting.",
    "I want to cancel my | gym membership.",
    "The zip code is nine four | one zero seven.",
    "My neighbour's dog barks all night and | I can't sleep.",
    "What is the best way to | get rid of ants in the kitchen?",
    "I had a look at it and | I think it's too expensive.",
    "Could you help me | choose a present for my | nephew's birthday?",
    "Tell me when the next ferry leaves for | the island.",
    "It started yesterday | when I installed the update.",
    "I lost my wallet. | What should I do now?",
    "If I plant tomatoes now | will they be ready by August?",
    "I'd rather have the fish, if | it's fresh.",
    "Show me pictures of | the northern lights.",
    "Dim the lights and | lower the blinds in the living room.",
    "No, I wanted to know | how much it weighs.",
    "I've been waiting for an engineer since | eight o'clock this morning.",
    "Who painted the picture of | the girl with the pearl earring?",
    "It's the ninth of | October, nineteen | eighty four.",
    "Can I bring my dog | into the hotel?",
    "How many grams of sugar are there in | a can of cola?",
    "Well, | first I have to ask my husband.",
    "There is a leak under the sink and | water is running onto | the floor.",
    "I'd like to exchange two hundred euros, no, | three hundred euros into dollars.",
    "The first one is in the kitchen and | the other one is in the hall.",
    "Remind me to pick up the kids from | football practice at four.",
    "I'm writing a speech for my brother's wedding. | Could you give me some ideas?",
    "He has brown hair and | a short beard.",
    "Is it true that | bees can recognize faces?",
    "My bill is much higher than | it was last month.",
    "I like jazz. | But sometimes I listen to opera.",
    "Find out how tall | the Eiffel Tower is.",
    "Could you read me the last message from | my mother?",
    "Just a moment, it must be | somewhere in my bag.",
    "I think the battery | needs to be replaced.",
    "We would like to visit the castle, but | we don't know if | it's open in winter.",
    "Let's say Thursday, or no, | Friday would be better.",
    "What do you feed a | baby hedgehog with?",
    "Open the bedroom window when | the temperature drops below twenty.",
    "It's a gift for my | grandmother, so | it should be something classic.",
    "The heating in our office | doesn't work. | Could you send someone?",
    "Order more coffee beans and | paper filters.",
    "The serial number is eight zero | five five | one three.",
    "I wanted to ask whether | my deposit has arrived.",
    "Compare the prices of | the two nearest supermarkets.",
    "I'm a teacher at | a primary school.",
    "Yes, but only if | the weather is good.",
)

SHORT = (
    "Thank you very much.",
    "What's the date today?",
    "On the second floor.",
    "Two, please.",
    "Pause the film.",
    "Not yet.",
    "With my brother.",
    "Tell me a joke.",
    "That's right.",
    "Extra large.",
    "How old are you?",
    "Blue.",
    "Go back, please.",
    "Open the garage.",
    "Sixteen euros.",
    "I have no idea.",
    "Lock the door.",
    "Last summer.",
    "By credit card.",
    "Yes, I do.",
)

REPLIES_TO: Mapping[str, str] = {
    "The flight number is six two | eight one five.": "What is your flight number?",
    "I'd say about | twenty minutes by bike.": "How long does it take you to get to work?",
    "It was three thousand, no, wait, | four thousand dollars.": "How much did you pay for the "
    "car?",
    "I was born in Dublin but | I grew up in Glasgow.": "Where do you come from?",
    "We will be six adults and | two children.": "How many of you are coming?",
    "The zip code is nine four | one zero seven.": "What is your zip code?",
    "I had a look at it and | I think it's too expensive.": "What do you think of the offer that I "
    "sent you?",
    "It started yesterday | when I installed the update.": "Since when have you had this problem?",
    "I'd rather have the fish, if | it's fresh.": "Would you like the fish or the lamb?",
    "No, I wanted to know | how much it weighs.": "The parcel is forty centimetres long. Is that "
    "what you wanted to know?",
    "It's the ninth of | October, nineteen | eighty four.": "What is your date of birth?",
    "Well, | first I have to ask my husband.": "Shall I book the trip for you?",
    "The first one is in the kitchen and | the other one is in the hall.": "Where are your smoke "
    "detectors?",
    "He has brown hair and | a short beard.": "What does the man look like?",
    "I like jazz. | But sometimes I listen to opera.": "What kind of music do you like?",
    "Just a moment, it must be | somewhere in my bag.": "Do you have your ticket with you?",
    "Let's say Thursday, or no, | Friday would be better.": "Which day shall I put it on?",
    "It's a gift for my | grandmother, so | it should be something classic.": "Is the scarf for "
    "yourself?",
    "The serial number is eight zero | five five | one three.": "Please read me the serial number "
    "on the label.",
    "I'm a teacher at | a primary school.": "What is your profession?",
    "Yes, but only if | the weather is good.": "Will you go to the lake tomorrow?",
    "Thank you very much.": "I have booked the table for you.",
    "On the second floor.": "On which floor do you live?",
    "Two, please.": "How many tickets do you need?",
    "Not yet.": "Have you had lunch already?",
    "With my brother.": "Who are you travelling with?",
    "That's right.": "So you would like to leave on Monday?",
    "Extra large.": "What size should the shirt be?",
    "Blue.": "What colour is your car?",
    "Go back, please.": "Here is the second page of the list.",
    "Sixteen euros.": "How much was the taxi?",
    "I have no idea.": "Do you know when the library closes?",
    "Last summer.": "When did you move here?",
    "By credit card.": "How would you like to pay?",
    "Yes, I do.": "Do you have a loyalty card?",
}

assert REPLIES_TO.keys() <= {*HESITANT, *SHORT}
